"""What the person in charge of compliance does: fill the registers behind each purpose, and read the posture."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from placet.evidence.words import Language
from placet.local.demo.cast import Company, in_days, sha
from placet.local.demo.story import Story
from placet.sdk import (
    Alternative,
    AlternativeUsage,
    Assessment,
    CaptureFlow,
    Deployment,
    Device,
    Measure,
    MeasureAttestation,
    PlaceClass,
    Posture,
    PostureState,
)
from placet.sdk.commands.posture_page import WORDS, evidence_text, html

ENTRANCE = "entrance-1"


async def fill(one: Company, purposes: tuple[str, ...], alternative: str) -> None:
    """Register the assessment, the capture flow and the use of the alternative of each purpose, and the protection."""
    checked, until = datetime.now(UTC) - timedelta(days=1), in_days(365)
    for purpose in purposes:
        await one.registrar.put_assessment(
            Assessment(
                id=f"assessment-{purpose}",
                purposes=(purpose,),
                report_sha256=sha(f"impact assessment of {purpose}"),
                lawfulness="asked for by the person, or ordered by a court; nothing gentler does",
                rights_impact="small: the alternative costs no time",
                risks="a leak could let somebody pose as another",
                protection="encrypted with a key of its own for each consent; every use is in the log",
                assessor="actor-9",
                concluded_at=checked,
                valid_until=until,
            )
        )
        await one.registrar.put_capture_flow(
            CaptureFlow(
                purpose=purpose,
                refusal_equal=True,
                evidence_sha256=sha(f"screens of {purpose}"),
                checked_at=checked,
                valid_until=until,
            )
        )
        await one.registrar.put_alternative_usage(
            AlternativeUsage(purpose=purpose, period=f"{checked:%Y-%m}", face=910, alternative=90)
        )
    await one.registrar.put_alternative(
        Alternative(id="alternative", name=alternative, purposes=purposes, checked_at=checked, valid_until=until)
    )
    await one.registrar.put_deployment(
        Deployment(
            id="core",
            name="The mesh itself",
            measures=tuple(
                MeasureAttestation(
                    measure=measure, evidence_sha256=sha(f"report on {measure}"), checked_at=checked, valid_until=until
                )
                for measure in Measure
            ),
        )
    )


async def forget_a_sign(shop: Company, story: Story) -> None:
    """The retailer puts a camera over its entrance, a public place, without a sign."""
    receipt = await shop.registrar.put_device(
        Device(id=ENTRANCE, site="store-8", place_class=PlaceClass.ENTRANCE, public_place=True)
    )
    story.tell(
        f"a camera over the entrance, without a sign: entry {receipt.index}. Every event from it would be denied"
    )


async def postures(story: Story, folder: Path, bank: Company, shop: Company) -> None:
    """Read where both stand, and leave the pages to print."""
    story.chapter("Where they stand with the law today (`placet posture`)")
    found = await _read(story, bank, folder)
    story.expect("bank: every rule is met or at risk", found.holds, _open(found))
    found = await _read(story, shop, folder)
    unmet = [one.rule for one in found.findings if one.state is PostureState.NOT_MET]
    story.expect("retailer: R5 is not met, and the evidence is the camera over the entrance", unmet == ["R5"], unmet)
    for line in _open(found):
        story.tell(line)


async def _read(story: Story, one: Company, folder: Path) -> Posture:
    found = await one.officer.posture()
    (folder / one.name / "posture.html").write_text(html(found, Language.EN), encoding="utf-8")
    counts = {state: sum(rule.state is state for rule in found.findings) for state in PostureState}
    told = ", ".join(f"{WORDS[Language.EN].states[state]} {count}" for state, count in counts.items() if count)
    story.tell(f"{one.name}: {told}")
    return found


def _open(found: Posture) -> list[str]:
    """Return what is not met or needs a person, with the evidence."""
    words = WORDS[Language.EN]
    points = [(one.rule, point) for one in found.findings for point in one.points]
    closed = (PostureState.MET, PostureState.AT_RISK)
    return [
        f"{rule}: {point.text} ({'; '.join(evidence_text(one, words) for one in point.evidence)})"
        for rule, point in points
        if point.state not in closed
    ]
