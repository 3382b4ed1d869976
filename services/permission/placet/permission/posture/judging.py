"""The posture of a controller at one moment: every rule looked at, in order.

Owns: which function looks at which rule. Pure: facts and the moment in, findings out. Source: law.md section 1.
"""

from collections.abc import Callable, Mapping

from placet.permission.posture.facts import Facts
from placet.permission.posture.findings import Finding, Point, Rule, finding
from placet.permission.posture.rules import asking, controller, events, places, purposes

LOOKS: Mapping[Rule, Callable[[Facts, int], list[Point]]] = {
    Rule.R1: events.basis,
    Rule.R2: purposes.necessity,
    Rule.R3: controller.protection,
    Rule.R4: places.private_spaces,
    Rule.R5: places.signs,
    Rule.R6: events.inferences,
    Rule.R7: events.minors,
    Rule.R8: controller.filing,
    Rule.R9: asking.alternatives,
    Rule.R10: events.legal_permissions,
    Rule.R11: events.national_channel,
    Rule.R12: purposes.reviews,
    Rule.R13: asking.flows,
    Rule.R14: events.state_provisions,
    Rule.R15: events.notices,
    Rule.R16: purposes.retention,
}


def judge(facts: Facts, now: int) -> tuple[Finding, ...]:
    """Return one finding for each rule, R1 to R16; `now` in microseconds since 1970 UTC."""
    return tuple(finding(rule, LOOKS[rule](facts, now), facts.articles.get(rule, ())) for rule in Rule)
