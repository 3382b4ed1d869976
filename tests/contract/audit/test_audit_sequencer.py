"""What the sequencer promises: order, idempotency, one decision per content, nothing half-done, nothing by two
holders.
"""

import os

import pytest
from contract.audit.conftest import DiskFull
from integration.audit.rig import SECOND, Rig, decision, entry_of, event, grant_draft, record, use

from placet.audit.errors import ClockUntrusted
from placet.audit.fsck import fsck
from placet.evidence.drafts import AmendDraft
from placet.evidence.entries import parse_entry
from placet.evidence.kinds import State
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import submission
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.note import Verifier
from placet.tlog.proof import verify_consistency


def clean(rig: Rig) -> bool:
    return fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None) == []


def reason(reply: object, position: int = 0) -> str:
    with pytest.raises(PlacetError) as caught:
        entry_of(reply, position)  # type: ignore[arg-type]
    return caught.value.reason


def test_a_new_log_begins_with_created_and_state(rig: Rig) -> None:
    created, state = map(parse_entry, rig.bodies())
    assert created.type == "log.created"
    assert created.data == {"origin": rig.log.origin, "vkey": rig.log.vkey}
    assert (state.covers, state.prev_state, state.bases) == ((0, 1), None, 0)


def test_every_checkpoint_ends_in_a_state_that_covers_to_it(rig: Rig) -> None:
    basis = rig.grant()
    for _ in range(5):
        reply = rig.event(basis)
        last = parse_entry(rig.bodies()[reply.size - 1])
        assert isinstance(last, State)
        assert last.covers[1] == reply.size - 1


def test_entries_keep_their_order_and_share_one_time(rig: Rig) -> None:
    first, second = rig.grant(), rig.grant()
    reply = rig.send(event(rig.now, first), event(rig.now, second), event(rig.now, first), decisions=[decision()])
    indexes = [result.index for result in reply.results]
    assert indexes == sorted(indexes)
    times = {parse_entry(body).t for body in rig.bodies()[indexes[0] - 1 :]}
    assert len(times) == 1
    assert clean(rig)


def test_the_same_key_gives_the_same_bytes_also_after_a_restart(rig: Rig) -> None:
    basis = rig.grant()
    key = os.urandom(16)
    asked = event(rig.now, basis, key=key)
    first = rig.send(asked, decisions=[decision()])
    rig.now += SECOND
    again = rig.send(asked, decisions=[decision()])
    rig.restart()
    after = rig.send(asked, decisions=[decision()])
    for reply in (again, after):
        assert reply.results[0].entry == first.results[0].entry
        assert reply.results[0].repeated
        assert reply.size == first.size, "a batch that appends nothing writes no state"
    assert not first.results[0].repeated


def test_the_same_key_twice_in_one_request_is_one_entry(rig: Rig) -> None:
    asked = event(rig.now, rig.grant(), key=os.urandom(16))
    reply = rig.send(asked, asked, decisions=[decision()])
    assert reply.results[0].index == reply.results[1].index
    assert [result.repeated for result in reply.results] == [False, True]


def test_the_same_key_with_another_content_is_refused_and_nothing_appended(rig: Rig) -> None:
    basis, key = rig.grant(), os.urandom(16)
    before = rig.send(event(rig.now, basis, key=key), decisions=[decision()]).size
    reply = rig.send(event(rig.now, basis, key=key, device="counter-2"), decisions=[decision()])
    assert reason(reply) == "IDEMPOTENCY_CONFLICT"
    assert reply.size == before


def test_the_same_key_of_another_service_is_another_key(rig: Rig) -> None:
    key = os.urandom(16)
    rig.send(record("vault.sealed", key), service="vault")
    reply = rig.send(record("register.site_put", key), service="permission")
    assert not reply.results[0].repeated


def test_a_decision_is_written_once_per_content_also_after_a_restart(rig: Rig) -> None:
    basis = rig.grant()
    first = entry_of(rig.event(basis)).decision
    assert entry_of(rig.event(basis)).decision == first
    rig.restart()
    assert entry_of(rig.event(basis)).decision == first
    other = entry_of(rig.send(event(rig.now, basis), decisions=[decision(sign_valid=False)])).decision
    assert other != first
    kinds = [parse_entry(body).kind for body in rig.bodies()]
    assert kinds.count("decision") == 2


def test_a_decision_of_a_refused_event_is_not_written(rig: Rig) -> None:
    before = rig.sequencer.recover().size
    reply = rig.send(event(rig.now, None, purpose="a purpose with spaces"), decisions=[decision(place_class="office")])
    assert reason(reply) == "FIELD_INVALID"
    assert reply.size == before


def test_a_withdrawn_basis_denies_from_the_next_entry_on(rig: Rig) -> None:
    basis = rig.grant()
    assert entry_of(rig.event(basis)).verdict == "allow"
    first = rig.withdraw(basis)
    denied = entry_of(rig.event(basis))
    assert (denied.verdict, denied.reasons) == ("deny", ("BASIS_WITHDRAWN",))
    again = rig.withdraw(basis)
    assert again.results[0].index == first.results[0].index
    assert again.results[0].repeated
    rig.restart()
    assert entry_of(rig.event(basis)).reasons == ("BASIS_WITHDRAWN",)
    assert clean(rig)


def test_amends_survive_a_restart(rig: Rig) -> None:
    basis = rig.grant(operations=("enrol", "verify"))
    draft = AmendDraft(basis=basis, operations=("enrol",))
    entry_of(rig.send(submission(draft, key=b"amend"), service="consent"))
    assert entry_of(rig.event(basis)).reasons == ("OPERATION_NOT_COVERED",)
    rig.restart()
    assert entry_of(rig.event(basis)).reasons == ("OPERATION_NOT_COVERED",)
    wider = AmendDraft(basis=basis, operations=("enrol", "verify"))
    assert reason(rig.send(submission(wider, key=b"wider"), service="consent")) == "ADMISSION_REFUSED"


def test_counts_of_uses_and_events_survive_a_restart(rig: Rig) -> None:
    basis = rig.grant(max_events=2)
    first = rig.event(basis, permit=2).results[0].index
    verdicts = [entry_of(rig.send(use(first), service="vault")).verdict]
    rig.restart()
    verdicts.extend(entry_of(rig.send(use(first), service="vault")).verdict for _ in range(2))
    assert verdicts == ["allow", "allow", "deny"]
    rig.event(basis)
    rig.restart()
    assert entry_of(rig.event(basis)).reasons == ("EVENTS_EXHAUSTED",)
    assert clean(rig)


def test_a_use_after_its_end_or_of_nothing_is_denied(rig: Rig) -> None:
    allowed = rig.event(rig.grant(), permit=1).results[0].index
    rig.now += 61 * SECOND
    assert entry_of(rig.send(use(allowed), service="vault")).reasons == ("PERMIT_EXPIRED",)
    unknown = entry_of(rig.send(use(1), service="vault"))
    assert (unknown.event, unknown.n, unknown.reasons) == (None, 1, ("PERMIT_UNKNOWN",))


def test_services_may_append_only_their_own(rig: Rig) -> None:
    assert reason(rig.send(submission(grant_draft(rig.now), key=b"g"), service="vault")) == "BUS_FORBIDDEN"
    assert reason(rig.send(event(rig.now, None), service="consent", decisions=[decision()])) == "BUS_FORBIDDEN"
    assert reason(rig.send(use(0), service="permission")) == "BUS_FORBIDDEN"
    assert reason(rig.send(record("log.created"), service="audit")) in ("BUS_FORBIDDEN", "FIELD_INVALID")


def test_a_closed_controller_takes_only_withdrawals_and_erasures(rig: Rig) -> None:
    basis = rig.grant()
    rig.sequencer.reopen(rig.logs.close(rig.log, rig.now))
    assert reason(rig.event(basis)) == "CONTROLLER_CLOSED"
    assert reason(rig.send(submission(grant_draft(rig.now), key=b"g"), service="consent")) == "CONTROLLER_CLOSED"
    assert entry_of(rig.withdraw(basis)).kind == "withdraw"
    assert entry_of(rig.send(record("vault.template_destroyed"), service="vault")).kind == "record"


def test_a_clock_that_went_back_stops_the_sequencer(rig: Rig) -> None:
    basis = rig.grant()
    rig.now -= 5 * SECOND
    last = parse_entry(rig.bodies()[-1]).t
    assert entry_of(rig.event(basis, occurred=last)).t == last, "within 10 s time stands still"
    rig.now -= 20 * SECOND
    with pytest.raises(ClockUntrusted):
        rig.event(basis)
    rig.now += 30 * SECOND
    assert entry_of(rig.event(basis)).verdict == "allow"


def test_a_failed_commit_leaves_nothing_and_the_next_group_goes_on(rig: Rig, disk_full: DiskFull) -> None:
    basis = rig.grant()
    size = rig.sequencer.recover().size
    with disk_full(), pytest.raises(PlacetError):
        rig.event(basis)
    assert rig.sequencer.recover().size == size
    assert entry_of(rig.event(basis)).verdict == "allow"
    assert clean(rig)


def test_consistency_is_proven_from_every_size_seen(rig: Rig) -> None:
    basis = rig.grant()
    verifier = Verifier.parse(rig.log.vkey)
    seen = open_checkpoint(rig.event(basis).checkpoint, [verifier])
    for _ in range(150):
        reply = rig.send(event(rig.now, basis), decisions=[decision()], seen=[seen.size])
        new = open_checkpoint(reply.checkpoint, [verifier])
        verify_consistency(seen.size, seen.root, new.size, new.root, reply.consistency[0].hashes)
        if new.size % 7 == 0:
            seen = new
    future = rig.send(event(rig.now, basis, seen=10**6), decisions=[decision()], seen=[10**6])
    assert future.consistency == []
    assert entry_of(future).reasons == ("SEEN_IN_FUTURE",)
