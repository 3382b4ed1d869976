"""Legal permissions: four eyes, signatures over the digest, break-glass, issue and revocation in the ledger."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from unit.permission.world import BANK, BEGIN, DAY, World, purpose, world

from placet.evidence.approvals import approval_message
from placet.evidence.bundle import parse_receipt
from placet.evidence.kinds import Grant, Record, Withdraw
from placet.kit.errors import Conflict, NotFound, Unavailable
from placet.permission.errors import (
    ApprovalInvalid,
    ApprovalsMissing,
    ApproverUnknown,
    Invalid,
    LegalPermissionUnknown,
    RoleMissing,
    SamePerson,
    StateInvalid,
)
from placet.permission.handlers import legal
from placet.permission.handlers.legal import Who
from placet.permission.model.legal import LegalDraft, LegalPermission, LegalState
from placet.permission.model.receipts import Receipt
from placet.permission.model.vocabulary import SECOND, ApproverRole, LegalCode, Operation, Verdict
from placet.permission.wire.legal import withdrawal_receipt

ID = "0190b5b2-0000-7abc-8def-0123456789ab"
LEGAL, DPO = ApproverRole.LEGAL, ApproverRole.DPO


class Person:
    """Somebody with a token and a key."""

    def __init__(self, actor: str, *roles: str, key: int | None = None) -> None:
        self.who = Who(actor=actor, roles=frozenset(roles))
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([key or sum(actor.encode()) % 256]) * 32)

    def sign(self, permission: LegalPermission, origin: str, role: str, expires: int) -> bytes:
        return self.key.sign(approval_message(origin, role, permission.draft_digest, expires))


RITA = Person("rita", "request")
LEO = Person("leo", "approve_legal")
DORA = Person("dora", "approve_dpo")
BOTH = Person("both", "approve_legal", "approve_dpo")


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        await made.put(purpose(operations=tuple(Operation)))
        for person in (RITA, LEO, DORA, BOTH):
            await register(made, person)
        yield made


def draft(**changes: Any) -> LegalDraft:
    values: dict[str, Any] = {
        "code": LegalCode.COURT_ORDER,
        "authority": "pipl:13-1-3",
        "document_sha256": b"d" * 32,
        "purposes": ("entry",),
        "operations": (Operation.IDENTIFY, Operation.VERIFY),
        "sites": ("*",),
        "egress": False,
        "not_before": 0,
        "not_after": BEGIN + DAY,
        "max_events": 0,
        "law": "cn-2025",
        **changes,
    }
    return LegalDraft(**values)


async def register(bank: World, person: Person) -> str:
    key = person.key.public_key().public_bytes_raw()
    return (await legal.register_approver(BANK, person.who, key, bank.legal)).id


async def request(bank: World, ident: str = ID, *, by: Person = RITA, **changes: Any) -> LegalPermission:
    deadline = bank.clock() + SECOND
    return (await legal.request(BANK, ident, draft(**changes), by.who, bank.legal, deadline=deadline))[0]


async def approve(
    bank: World,
    person: Person,
    role: ApproverRole,
    *,
    ident: str = ID,
    expires: int = BEGIN + 600 * SECOND,
    **signed: Any,
) -> tuple[Receipt, int]:
    permission = await legal.get(BANK, ident, bank.legal)
    values = {"origin": bank.ledger.logs[BANK].origin, "role": role, "expires": expires, **signed}
    signature = signed.get("signature") or person.sign(permission, values["origin"], values["role"], values["expires"])
    now = bank.clock()
    return await legal.approve(
        BANK, ident, (role, expires, signature), person.who, bank.legal, now=now, deadline=now + SECOND
    )


async def issue(bank: World, ident: str = ID) -> tuple[LegalPermission, Receipt]:
    now = bank.clock()
    return await legal.issue(BANK, ident, bank.legal, now=now, deadline=now + SECOND)


async def issued(bank: World, **changes: Any) -> LegalPermission:
    await request(bank, **changes)
    await approve(bank, LEO, LEGAL)
    await approve(bank, DORA, DPO)
    return (await issue(bank))[0]


# ------------------------------------------------------------------------------------------------------ four eyes


async def test_two_persons_in_two_roles_make_a_basis(bank: World) -> None:
    await request(bank)
    receipt, standing = await approve(bank, LEO, LEGAL)
    assert (json.loads(receipt.entry)["type"], standing) == ("permission.approved", 1)
    assert (await approve(bank, DORA, DPO))[1] == 2
    permission, receipt = await issue(bank)
    (grant,) = bank.ledger.of_kind(BANK, Grant)
    assert isinstance(grant, Grant)
    assert (permission.basis, permission.state, receipt.index) == (grant.basis, LegalState.ISSUED, grant.i)
    assert (grant.subject, len(grant.approvals), grant.authority) == (None, 2, "pipl:13-1-3")
    answer = await bank.ask(subject=b"", operation=Operation.IDENTIFY)
    assert (answer.verdict, answer.basis) == (Verdict.ALLOW, grant.basis)
    assert answer.permitted_by == ("cn-2025/art-6-2",)


@pytest.mark.parametrize("approvers", [[], [(LEO, LEGAL)], [(DORA, DPO)]])
async def test_fewer_than_two_are_refused_and_nothing_is_appended(bank: World, approvers: Any) -> None:
    await request(bank)
    for person, role in approvers:
        await approve(bank, person, role)
    with pytest.raises(ApprovalsMissing) as error:
        await issue(bank)
    assert error.value.reason == "APPROVALS_MISSING"
    assert error.value.metadata == {"have": str(len(approvers)), "need": "2"}
    assert bank.ledger.of_kind(BANK, Grant) == []


async def test_the_requester_cannot_approve(bank: World) -> None:
    await request(bank, by=BOTH)
    with pytest.raises(SamePerson):
        await approve(bank, BOTH, LEGAL)


async def test_one_person_in_both_roles_is_one_person(bank: World) -> None:
    await request(bank)
    await approve(bank, BOTH, LEGAL)
    with pytest.raises(SamePerson):
        await approve(bank, BOTH, DPO)
    with pytest.raises(ApprovalsMissing):
        await issue(bank)


async def test_a_second_account_with_the_same_key_is_the_same_person(bank: World) -> None:
    twin = Person("leo-2", "approve_dpo", key=sum(b"leo") % 256)
    assert twin.key.public_key().public_bytes_raw() == LEO.key.public_key().public_bytes_raw()
    with pytest.raises(SamePerson):
        await register(bank, twin)
    await request(bank)
    with pytest.raises(ApproverUnknown):
        await approve(bank, twin, DPO)


async def test_a_role_is_filled_once_until_it_lapses(bank: World) -> None:
    await request(bank)
    await approve(bank, LEO, LEGAL, expires=BEGIN + 10 * SECOND)
    with pytest.raises(StateInvalid):
        await approve(bank, BOTH, LEGAL)
    bank.clock.now += 20 * SECOND
    await approve(bank, BOTH, LEGAL)
    await approve(bank, DORA, DPO)
    assert (await issue(bank))[0].state is LegalState.ISSUED


async def test_a_role_must_be_in_the_token(bank: World) -> None:
    await request(bank)
    with pytest.raises(RoleMissing):
        await approve(bank, LEO, DPO)


@pytest.mark.parametrize(
    "signed",
    [
        {"role": "approve_dpo"},
        {"origin": "log.example/retailer"},
        {"expires": BEGIN + 601 * SECOND},
        {"signature": b"\0" * 64},
    ],
)
async def test_a_signature_over_anything_else_is_refused(bank: World, signed: dict[str, Any]) -> None:
    await request(bank)
    permission = await legal.get(BANK, ID, bank.legal)
    wrong = {"origin": bank.ledger.logs[BANK].origin, "role": LEGAL, "expires": BEGIN + 600 * SECOND, **signed}
    signature = signed.get("signature") or LEO.sign(permission, wrong["origin"], wrong["role"], wrong["expires"])
    with pytest.raises(ApprovalInvalid):
        await approve(bank, LEO, LEGAL, signature=signature)
    assert not [one for one in bank.ledger.of_kind(BANK, Record) if one.type == "permission.approved"]  # type: ignore
    await approve(bank, LEO, LEGAL)  # negative control


async def test_an_approval_is_for_one_draft_only(bank: World) -> None:
    other = "0190b5b2-0000-7abc-8def-000000000002"
    first = await request(bank)
    second = await request(bank, other, not_after=BEGIN + 2 * DAY)
    assert first.draft_digest != second.draft_digest
    signature = LEO.sign(first, bank.ledger.logs[BANK].origin, LEGAL, BEGIN + 600 * SECOND)
    with pytest.raises(ApprovalInvalid):
        await approve(bank, LEO, LEGAL, ident=other, signature=signature)


async def test_approvals_lapse(bank: World) -> None:
    await request(bank)
    with pytest.raises(ApprovalInvalid):
        await approve(bank, LEO, LEGAL, expires=BEGIN)
    await approve(bank, LEO, LEGAL, expires=BEGIN + 5 * SECOND)
    await approve(bank, DORA, DPO)
    bank.clock.now += 5 * SECOND
    with pytest.raises(ApprovalsMissing):
        await issue(bank)
    await approve(bank, LEO, LEGAL)  # renewed
    assert (await issue(bank))[0].state is LegalState.ISSUED


async def test_an_approval_may_be_repeated(bank: World) -> None:
    await request(bank)
    first, _ = await approve(bank, LEO, LEGAL)
    again, standing = await approve(bank, LEO, LEGAL)
    assert (first.index, standing) == (again.index, 1)
    await approve(bank, DORA, DPO)
    await issue(bank)
    assert (await approve(bank, LEO, LEGAL))[0].index == first.index  # also after the issue
    with pytest.raises(StateInvalid):
        await approve(bank, LEO, LEGAL, expires=BEGIN + 700 * SECOND)


@pytest.mark.parametrize(("window", "enough"), [(900, True), (901, False)])
async def test_one_is_enough_for_fifteen_minutes(bank: World, window: int, enough: bool) -> None:
    await request(bank, not_before=BEGIN, not_after=BEGIN + window * SECOND)
    await approve(bank, LEO, LEGAL)
    if enough:
        assert (await issue(bank))[0].state is LegalState.ISSUED
    else:
        with pytest.raises(ApprovalsMissing):
            await issue(bank)


async def test_nobody_is_not_enough_for_fifteen_minutes(bank: World) -> None:
    await request(bank, not_before=BEGIN, not_after=BEGIN + 60 * SECOND)
    with pytest.raises(ApprovalsMissing):
        await issue(bank)


# ------------------------------------------------------------------------------------------ drafts, issue, revoke


async def test_a_draft_is_immutable_under_its_id(bank: World) -> None:
    first = await request(bank)
    assert (await request(bank)).draft_digest == first.draft_digest
    with pytest.raises(Conflict) as error:
        await request(bank, egress=True)
    assert (error.value.reason, error.value.field) == ("IDEMPOTENCY_CONFLICT", "id")


async def test_a_draft_needs_a_log(bank: World) -> None:
    with pytest.raises(NotFound):
        await legal.request("nobody", ID, draft(), RITA.who, bank.legal, deadline=bank.clock() + SECOND)


async def test_an_unknown_id_is_not_found(bank: World) -> None:
    for step in (issue(bank), legal.get(BANK, ID, bank.legal)):
        with pytest.raises(LegalPermissionUnknown):
            await step


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"authority": ""}, "draft.authority"),
        ({"document_sha256": b""}, "draft.document_sha256"),
        ({"purposes": ()}, "draft.purposes"),
        ({"purposes": ("*",)}, "draft.purposes[0]"),
        ({"operations": ()}, "draft.operations"),
        ({"sites": ()}, "draft.sites"),
        ({"sites": ("*", "hq")}, "draft.sites[0]"),
        ({"not_after": BEGIN, "not_before": BEGIN}, "draft.not_after"),
        ({"not_before": -1}, "draft.not_before"),
        ({"law": ""}, "draft.law"),
        ({"purposes": tuple(f"p{n}" for n in range(257))}, "draft.purposes"),
    ],
)
def test_a_malformed_draft_names_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as error:
        draft(**changes)
    assert error.value.field == field


async def test_an_issue_whose_answer_was_lost_is_found_again(bank: World) -> None:
    await request(bank)
    await approve(bank, LEO, LEGAL)
    await approve(bank, DORA, DPO)
    bank.ledger.lose_answers = 1
    with pytest.raises(Unavailable):
        await issue(bank)
    first, receipt = await issue(bank)
    again, repeated = await issue(bank)
    assert (first.basis, receipt.index) == (again.basis, repeated.index)
    assert len(bank.ledger.of_kind(BANK, Grant)) == 1


async def test_issue_and_revocation_are_told_once(bank: World) -> None:
    permission = await issued(bank)
    await issue(bank)
    revocation = [await revoke(bank) for _ in range(2)]
    assert revocation[0].index == revocation[1].index
    await bank.dispatcher.__aenter__()
    try:
        await _until(lambda: len(bank.publisher.messages) == 2)
    finally:
        await bank.dispatcher.stop()
    said = [(one.kind, one.index, one.basis) for one in bank.publisher.messages]
    assert said == [
        ("issued", permission.granted, permission.basis),
        ("revoked", revocation[0].index, permission.basis),
    ]
    assert (await legal.get(BANK, ID, bank.legal)).ended == revocation[0].index


async def revoke(bank: World, reason: str = "purpose_ended") -> Receipt:
    return await legal.revoke(BANK, ID, reason, bank.legal, deadline=bank.clock() + SECOND)


async def test_a_revoked_permission_carries_nothing(bank: World) -> None:
    await issued(bank)
    assert (await bank.ask(subject=b"", operation=Operation.IDENTIFY)).verdict is Verdict.ALLOW
    receipt = await revoke(bank)
    (withdraw,) = bank.ledger.of_kind(BANK, Withdraw)
    assert isinstance(withdraw, Withdraw)
    assert (withdraw.i, withdraw.by, withdraw.reason) == (receipt.index, "controller", "purpose_ended")
    assert (await bank.ask(subject=b"", operation=Operation.IDENTIFY)).reasons == ("BASIS_MISSING", "POLICY")
    named = await bank.ask(subject=b"", operation=Operation.IDENTIFY, basis=0)
    assert named.reasons == ("BASIS_WITHDRAWN",)
    found = parse_receipt(withdrawal_receipt(receipt))
    assert found.withdraw.index == receipt.index


async def test_a_revocation_arrives_late_and_repeating_it_returns_its_entry(bank: World) -> None:
    await issued(bank)
    bank.ledger.down = True
    with pytest.raises(Unavailable):
        await revoke(bank)
    assert (await legal.get(BANK, ID, bank.legal)).state is LegalState.REVOKED
    bank.ledger.down = False
    # In force here at once, in the log as soon as it answers: nobody has to ask again.
    assert (await bank.ask(subject=b"", operation=Operation.IDENTIFY)).verdict is Verdict.DENY
    await bank.dispatcher.__aenter__()
    try:
        bank.clock.now += 10 * SECOND
        bank.dispatcher.kick()
        await _until(lambda: bool(bank.ledger.of_kind(BANK, Withdraw)))
    finally:
        await bank.dispatcher.stop()
    (withdraw,) = bank.ledger.of_kind(BANK, Withdraw)
    assert (await revoke(bank, "another_reason")).index == withdraw.i
    assert len(bank.ledger.of_kind(BANK, Withdraw)) == 1


async def test_a_draft_cannot_be_revoked(bank: World) -> None:
    await request(bank)
    with pytest.raises(StateInvalid):
        await revoke(bank)


async def test_a_repeated_event_after_a_revocation_yields_no_permit(bank: World) -> None:
    await issued(bank)
    event = bank.event(subject=b"", operation=Operation.IDENTIFY)
    assert (await bank.authorize(event)).answers[0].permit
    assert (await bank.authorize(event)).answers[0].permit  # negative control
    await revoke(bank)
    again = (await bank.authorize(event)).answers[0]
    assert (again.verdict, again.permit) == (Verdict.ALLOW, "")


# --------------------------------------------------------------------------------------------- consent or permission


async def test_a_covering_consent_goes_before_a_permission_and_that_before_another_consent(bank: World) -> None:
    permission = await issued(bank)
    other = await bank.persons.grant(b"alice", operations=frozenset({"enrol"}))
    assert (await bank.ask()).basis == permission.basis
    consent = await bank.persons.grant(b"bob")
    assert (await bank.ask(subject=b"bob")).basis == consent.ordinal
    # Where the permission covers nothing, the consent that lacks something is named.
    assert (await bank.ask(operation=Operation.ENROL, egress=True)).basis == other.ordinal


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": ("loans",)},
        {"operations": (Operation.VERIFY,)},
        {"sites": ("branch-2",)},
        {"not_before": BEGIN + DAY // 2},
    ],
)
async def test_a_permission_carries_only_what_it_names(bank: World, changes: dict[str, Any]) -> None:
    await issued(bank, **changes)
    assert (await bank.ask(subject=b"", operation=Operation.IDENTIFY)).basis is None


async def test_a_state_provision_is_named_and_lifts_the_alternative_only(bank: World) -> None:
    await bank.put(purpose(operations=tuple(Operation), alternative=""))
    await issued(bank, code=LegalCode.STATE_PROVISION)
    answer = await bank.ask(subject=b"")
    assert answer.verdict is Verdict.ALLOW
    assert "cn-2025/art-10-1" in answer.permitted_by
    assert (await bank.ask(subject=b"", device="nobody-registered-this")).verdict is Verdict.DENY


async def _until(done: Any) -> None:
    import asyncio

    for _ in range(400):
        if done():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")
