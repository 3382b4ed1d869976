"""Two small real logs: every kind of thing an auditor looks at, and enough events for a full tile."""

from dataclasses import dataclass, field

from fakes.evidence_drafts import consent, decision, event, forbidding, guardianship, permit
from fakes.evidence_log import T0, MemoryLog
from fakes.evidence_scenes import withdrawal

from placet.evidence.drafts import OutcomeDraft, UseDraft
from placet.evidence.terms import SECOND

MANY = 300


@dataclass
class Story:
    """A log, and where in it things stand."""

    log: MemoryLog
    at: dict[str, int] = field(default_factory=dict)


def story(controller: str, *, many: int = 0) -> Story:
    """A consent and a guarded one; allowed, used, forbidden, not covered, withdrawn; then `many` more."""
    log = MemoryLog(f"localhost/log/{controller}", seed=controller.encode().ljust(32, b"."))
    told = Story(log)
    log.submit(consent())
    log.submit(guardianship())
    log.submit(consent(needs=(1,)))
    told.at["grant"] = log.granted(0)
    told.at["allowed"] = log.submit(event(1, permit=permit()), decision=decision(), t=T0 + SECOND)[0].i
    told.at["guarded"] = log.submit(event(2, basis=2), decision=decision(), t=T0 + 2 * SECOND)[0].i
    told.at["use"] = log.submit(UseDraft(event=told.at["allowed"], service="vault"))[0].i
    log.submit(OutcomeDraft(of=told.at["allowed"], result="match"))
    told.at["forbidden"] = log.submit(event(3, device="cam.7"), decision=forbidding(), t=T0 + 3 * SECOND)[0].i
    told.at["uncovered"] = log.submit(event(4, purpose="marketing"), decision=decision())[0].i
    log.submit(withdrawal(0), t=T0 + 4 * SECOND)
    told.at["withdrawn"] = log.submit(event(5), decision=decision(), t=T0 + 5 * SECOND)[0].i
    if many:
        log.submit(*(event(100 + n, basis=2, site="branch.2") for n in range(many)), decision=decision())
    return told
