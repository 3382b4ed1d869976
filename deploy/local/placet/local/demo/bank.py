"""The bank: consents of an adult and of a child, a refusal, templates, a legal permission, withdrawals."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from placet.local.demo.cast import Company, in_days, notice_texts, sha, template
from placet.local.demo.story import Story
from placet.sdk import (
    Approver,
    ApproverRole,
    Attestation,
    CapturedConsent,
    Channel,
    Choice,
    Device,
    EndedBy,
    Expression,
    GuardianKind,
    Inference,
    LegalCode,
    LegalDraft,
    Operation,
    PlaceClass,
    Purpose,
    RetentionAnchor,
    Site,
    Storage,
)

ADULT, STAYS, CHILD, FATHER, SHY = "Li Wei", "Wang Fang", "Zhang Xiaoming", "Zhang Qiang", "Chen Jing"
KEPT_AS = {ADULT: "withdrawn_afterwards", CHILD: "guardian", STAYS: "allowed"}
ENROL_AND_VERIFY = (Operation.ENROL, Operation.VERIFY)


@dataclass
class Kept:
    """Indexes of the events whose bundles the demo must leave: what the story needs an auditor to look at."""

    events: dict[str, int] = field(default_factory=dict)


async def registers(bank: Company, story: Story) -> bytes:
    """Fill the registers and publish the notice; return the notice's hash."""
    story.chapter("The bank fills its registers")
    for purpose, name, operations in (
        ("payment", "Pay at the counter with the face", ENROL_AND_VERIFY),
        ("marketing", "Greet known customers by name", (Operation.VERIFY,)),
        ("court_search", "Find a person named in a court order", (Operation.IDENTIFY,)),
    ):
        await bank.registrar.put_purpose(
            Purpose(
                id=purpose,
                name=name,
                necessity="asked for by the customer" if purpose != "court_search" else "ordered by the court",
                operations=operations,
                storage=Storage.VAULT if purpose == "payment" else Storage.DEVICE,
                retention_days=365,
                assessment_sha256=sha(f"impact assessment of {purpose}"),
                assessment_valid_until=in_days(365),
                reviewed_by="actor-7",
                reviewed_at=datetime.now(UTC),
                review_statement="no effect on national security, public interest or social order",
                retention_anchor=RetentionAnchor.WHICHEVER_FIRST,
                alternative="card and PIN",
            )
        )
    counter = PlaceClass.BRANCH_COUNTER
    await bank.registrar.put_site(Site(id="branch-1", name="Branch at the market square", place_class=counter))
    receipt = await bank.registrar.put_device(
        Device(
            id="counter-1",
            name="Camera at counter 1",
            site="branch-1",
            place_class=counter,
            sign_sha256=sha("photo of the sign"),
            sign_valid_until=in_days(180),
            collection_area_set=True,
            alternative="card and PIN",
        )
    )
    await bank.registrar.put_attestation(
        Attestation(protection_valid_until=in_days(365), filing_current=True, refusal_equal=True)
    )
    story.tell(
        f"three purposes, a branch, a counter camera; each change is a ledger entry (the camera: {receipt.index})"
    )
    published = await bank.registrar.publish_notice(
        notice_id="payment", purposes=["payment"], texts=notice_texts("示例银行 Example Bank", "柜台刷脸支付 / payment")
    )
    story.tell(f"the notice is published as version {published.notice.version}, entry {published.receipt.index}")
    return published.notice.content_hash


async def capture(bank: Company, notice: bytes, customer: str, choice: Choice, **more: Any) -> CapturedConsent:
    """Show the notice and record what the person decided."""
    served = await bank.teller.record_notice_served(
        customer=customer, notice_hash=notice, language="zh-CN", channel=Channel.COUNTER
    )
    fields: dict[str, Any] = {"not_after": in_days(365), "egress": True, **more}
    return await bank.teller.capture_consent(
        customer=customer,
        purpose="payment",
        notice_hash=notice,
        notice_served=served,
        choice=choice,
        operations=ENROL_AND_VERIFY,
        channel=Channel.COUNTER,
        expression=Expression.SIGNATURE,
        alternative="card-and-pin",
        **fields,
    )


async def consents(bank: Company, story: Story, notice: bytes) -> tuple[CapturedConsent, CapturedConsent, str]:
    """An adult consents, one refuses, a child needs the father; return adult's and child's consent, guardianship."""
    story.chapter("Customers are asked, one purpose at a time")
    adult = await capture(bank, notice, ADULT, Choice.GIVEN)
    await capture(bank, notice, STAYS, Choice.GIVEN)
    story.expect(
        f"{ADULT} consents: basis {adult.consent.basis}, entry {adult.consent.granted}, proven to the client",
        adult.receipt is not None and adult.consent.basis is not None,
        adult,
    )
    refusal = await capture(bank, notice, SHY, Choice.REFUSED)
    story.expect(f"{SHY} refuses, which is recorded with equal care", refusal.consent.basis is None, refusal)

    thirteen = datetime.now(UTC).date() - timedelta(days=13 * 365 + 100)
    await story.refused(
        f"{CHILD} (13) alone",
        capture(bank, notice, CHILD, Choice.GIVEN, birth_date=thirteen),
        "GUARDIAN_REQUIRED",
    )
    link = await bank.teller.open_guardianship(
        minor=CHILD,
        guardian=FATHER,
        kind=GuardianKind.PARENT,
        minor_birth_date=thirteen,
        proof_sha256=sha("household register page, seen and handed back"),
    )
    await story.refused(
        "the teller confirming what the teller opened", bank.teller.confirm_guardianship(link.id), "SAME_PERSON"
    )
    await bank.second.confirm_guardianship(link.id)
    story.tell(f"{FATHER}'s papers were checked by two members of staff")
    child = await capture(bank, notice, CHILD, Choice.GIVEN, birth_date=thirteen, guardianships=[link.id])
    story.expect(
        f"{CHILD}'s consent stands only with the guardianship: entry {child.consent.granted}",
        child.consent.guardianships == (link.id,) and child.consent.minor,
        child.consent,
    )
    return adult, child, link.id


async def faces(bank: Company, story: Story, kept: Kept) -> None:
    """Enrol and compare under permits, and try what is not covered."""
    story.chapter("Faces are processed, each under its own permit")
    asked: dict[str, Any] = {"purpose": "payment", "device": "counter-1"}
    for customer in (ADULT, STAYS, CHILD):
        enrol = await bank.till.authorize(customer=customer, operation=Operation.ENROL, storage=Storage.VAULT, **asked)
        story.allowed(f"{customer} is enrolled", enrol)
        await bank.till.enrol(enrol.permit or "", template(customer))
    for customer, who in ((ADULT, ADULT), (CHILD, CHILD), (STAYS, "a stranger")):
        decision = await bank.till.authorize(customer=customer, operation=Operation.VERIFY, **asked)
        kept.events.setdefault(
            {ADULT: "withdrawn_afterwards", CHILD: "guardian"}.get(customer, "allowed"), decision.index
        )
        result = await bank.till.match(decision.permit or "", template(who, wobble=0.2))
        story.expect(
            f"{who} at the counter, compared with {customer}'s template: {'match' if result.match else 'no match'} "
            f"({result.score:.2f}), use proven as entry {result.receipt.index}",
            result.match is (customer == who),
            result,
        )
    story.chapter("What is not covered is denied, and the denial is an entry too")
    elsewhere = await bank.till.authorize(
        customer=STAYS, operation=Operation.VERIFY, purpose="payment", device="counter-99", site="branch-1"
    )
    story.denied("a camera nobody registered", elsewhere, ["POLICY"], "cn-2025/art-10")
    greeting = await bank.till.authorize(
        customer=STAYS, operation=Operation.VERIFY, purpose="marketing", device="counter-1"
    )
    story.denied("using the payment consent for marketing", greeting, ["PURPOSE_NOT_COVERED"])
    kept.events["denied"] = greeting.index
    ethnicity = await bank.till.authorize(
        customer=STAYS, operation=Operation.VERIFY, inference=Inference.ETHNICITY, **asked
    )
    story.denied("inferring ethnicity", ethnicity, ["POLICY"], "cn-2025/pipl-28")


async def legal(bank: Company, story: Story, kept: Kept) -> None:
    """A court order: one approver is not enough, two are."""
    story.chapter("A court order: a basis that is not consent, under four eyes")
    counsel, officer = Approver.from_seed(sha("counsel's key")), Approver.from_seed(sha("officer's key"))
    await bank.counsel.register_approver(counsel)
    await bank.officer.register_approver(officer)
    request = await bank.compliance.request_legal_permission(
        LegalDraft(
            code=LegalCode.COURT_ORDER,
            authority="pipl:13-1-3",
            document_sha256=sha("the order, 12 pages"),
            purposes=("court_search",),
            operations=(Operation.IDENTIFY,),
            sites=("branch-1",),
            not_before=datetime.now(UTC),
            not_after=in_days(7),
            max_events=10,
            law="cn-2025",
        )
    )
    await bank.counsel.approve_legal_permission(request, role=ApproverRole.LEGAL, approver=counsel, expires=in_days(1))
    await story.refused(
        "with counsel's approval alone", bank.compliance.issue_legal_permission(request), "APPROVALS_MISSING"
    )
    await bank.officer.approve_legal_permission(request, role=ApproverRole.DPO, approver=officer, expires=in_days(1))
    issued = await bank.compliance.issue_legal_permission(request)
    story.tell(
        f"counsel and the data protection officer have signed: basis {issued.basis}, entry {issued.receipt.index}"
    )
    search = await bank.till.authorize(
        customer=None, basis=issued.basis, purpose="court_search", device="counter-1", operation=Operation.IDENTIFY
    )
    story.allowed("searching one gallery under the order", search)
    kept.events["legal_permission"] = search.index


async def withdrawals(
    bank: Company, story: Story, adult: CapturedConsent, child: CapturedConsent, guardianship: str
) -> list[str]:
    """The adult withdraws, then the father; return the receipts that the persons keep."""
    story.chapter("Withdrawal: in force when it returns")
    asked: dict[str, Any] = {"purpose": "payment", "device": "counter-1", "operation": Operation.VERIFY}
    withdrawn = await bank.teller.withdraw_consent(adult.consent.id)
    story.tell(f"{ADULT} withdraws: entry {withdrawn.receipt.index}; the receipt convicts a ledger that hides it")
    decision = await bank.till.authorize(customer=ADULT, **asked)
    story.denied(f"{ADULT} at the counter a moment later", decision, ["BASIS_WITHDRAWN"])
    await erased(bank, story, ADULT, adult)
    ended = await bank.teller.withdraw_guardianship(guardianship, by=EndedBy.GUARDIAN)
    story.expect(f"{FATHER} withdraws for {CHILD}: one consent stops with it", len(ended.consents) == 1, ended)
    decision = await bank.till.authorize(customer=CHILD, **asked)
    story.denied(f"{CHILD} at the counter", decision, ["GUARDIAN_WITHDRAWN"])
    await erased(bank, story, CHILD, child)
    return [withdrawn.evidence, *ended.evidence]


async def erased(bank: Company, story: Story, customer: str, consent: CapturedConsent) -> None:
    """Wait until the template is gone, and say so."""
    basis = consent.consent.basis
    assert basis is not None
    for _ in range(100):
        holding = await bank.auditor.holding(basis)
        if holding.destroyed is not None:
            break
        await asyncio.sleep(0.1)
    story.expect(
        f"{customer}'s template is destroyed: entry {holding.destroyed}",
        holding.destroyed is not None and not holding.items,
        holding,
    )
