"""The posture as a page to print (HTML, Markdown) and as JSON.

Owns the layout, and the few words around what the service says. Everything in a page is text from the service, escaped;
a page loads nothing and runs nothing. Never asks a service, never judges.
"""

from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Final

from placet.evidence.words import Language
from placet.sdk.ids import moment
from placet.sdk.model.posture import Posture, PostureEvidence, PostureFinding, PosturePoint
from placet.sdk.vocabulary import PostureState


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWords:
    """The words around the findings, in one language."""

    heading: str
    rule: str
    state: str
    found: str
    evidence: str
    next: str
    articles: str
    unverified: str
    packs: str
    as_of: str
    entry: str
    until: str
    count: str
    advice: str
    states: dict[PostureState, str]


WORDS: Final = {
    Language.EN: PageWords(
        heading="Compliance posture",
        rule="Rule",
        state="State",
        found="Found",
        evidence="Evidence",
        next="What to do",
        articles="Articles",
        unverified="unverified",
        packs="Policy packs in force",
        as_of="registers up to ledger entry",
        entry="entry",
        until="until",
        count="count",
        advice="This is a report on the registers. It is not evidence and not legal advice.",
        states={
            PostureState.MET: "met",
            PostureState.AT_RISK: "at risk",
            PostureState.NOT_MET: "NOT MET",
            PostureState.NEEDS_PERSON: "needs a person",
        },
    ),
    Language.ZH_CN: PageWords(
        heading="合规状况",
        rule="规则",
        state="状态",
        found="发现",
        evidence="依据",
        next="下一步",
        articles="条款",
        unverified="未核实",
        packs="现行策略包",
        as_of="登记截至账本条目",
        entry="条目",
        until="有效至",
        count="数量",
        advice="本报告反映登记情况，不构成证据，也不构成法律意见。",
        states={
            PostureState.MET: "符合",
            PostureState.AT_RISK: "有风险",
            PostureState.NOT_MET: "不符合",
            PostureState.NEEDS_PERSON: "需人工判断",
        },
    ),
}
_STYLE: Final = """
body { font: 11pt/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; color: #111; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1.4rem; }
th, td { border: 1px solid #bbb; padding: .35rem .5rem; text-align: left; vertical-align: top; }
h2 { font-size: 1.05rem; margin: 0; break-after: avoid; }
section { break-inside: avoid; }
.met { color: #116329; } .at_risk { color: #8a5300; } .not_met { color: #b00020; font-weight: bold; }
.needs_person { color: #6f2da8; } .small { color: #555; font-size: .9rem; }
"""


def to_json(found: Posture) -> dict[str, Any]:
    """Return a posture as JSON values; times are microseconds since 1970 UTC."""
    packs = [{"id": ident, "hash": digest} for ident, digest in found.packs]
    return asdict(found) | {"packs": packs, "holds": found.holds}


def time_text(micros: int) -> str:
    """Return a time for people."""
    return f"{moment(micros):%Y-%m-%d %H:%M} UTC"


def evidence_text(one: PostureEvidence, words: PageWords) -> str:
    """Return one piece of evidence as a line: `device till-3, entry 12, until 2027-01-05 08:00 UTC`."""
    parts = [f"{one.kind} {one.id}".strip()]
    if one.index is not None:
        parts.append(f"{words.entry} {one.index}")
    if one.valid_until is not None:
        parts.append(f"{words.until} {time_text(one.valid_until)}")
    if one.count is not None:
        parts.append(f"{words.count} {one.count}")
    return ", ".join(parts)


def articles_text(finding: PostureFinding, words: PageWords) -> str:
    """Return the articles behind a rule; one that nobody read is marked wherever it appears."""
    marked = (one.id if one.confidence == "read" else f"{one.id} ({words.unverified})" for one in finding.articles)
    return f"{words.articles}: {', '.join(marked) or '-'}"


def html(found: Posture, lang: Language) -> str:
    """Return a self-contained page."""
    words = WORDS[lang]
    title = escape(f"{words.heading}: {found.controller}")
    sections = "".join(_section(one, words) for one in found.findings)
    head = "".join(f"<p class='small'>{escape(line)}</p>" for line in _head(found, words))
    return (
        f"<!DOCTYPE html>\n<html lang='{lang.value}'><head><meta charset='utf-8'><title>{title}</title>"
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>{head}\n{sections}</body></html>\n"
    )


def markdown(found: Posture, lang: Language) -> str:
    """Return the page as Markdown."""
    words = WORDS[lang]
    lines = [f"# {_plain(f'{words.heading}: {found.controller}')}", ""]
    for line in _head(found, words):
        lines += [_plain(line), ""]
    for finding in found.findings:
        lines += [f"## {finding.rule} {_plain(finding.title)}: {words.states[finding.state]}", ""]
        lines += [_row(words.state, words.found, words.evidence, words.next), "|---|---|---|---|"]
        for point in finding.points:
            evidence = "; ".join(evidence_text(one, words) for one in point.evidence)
            lines.append(_row(words.states[point.state], point.text, evidence, point.next))
        lines += ["", _plain(articles_text(finding, words)), ""]
    return "\n".join(lines)


def _head(found: Posture, words: PageWords) -> list[str]:
    packs = ", ".join(f"{ident} ({digest})" for ident, digest in found.packs)
    return [
        f"{time_text(found.observed_at)}; {words.as_of} {'-' if found.as_of is None else found.as_of}",
        f"{words.packs}: {packs or '-'}",
        words.advice,
    ]


def _section(finding: PostureFinding, words: PageWords) -> str:
    heading = (
        f"<h2>{finding.rule} {escape(finding.title)}: "
        f"<span class='{finding.state.value}'>{escape(words.states[finding.state])}</span></h2>"
    )
    cells = "".join(f"<th>{escape(name)}</th>" for name in (words.state, words.found, words.evidence, words.next))
    rows = "".join(_tr(point, words) for point in finding.points)
    articles = f"<p class='small'>{escape(articles_text(finding, words))}</p>"
    return f"<section>{heading}{articles}<table><tr>{cells}</tr>{rows}</table></section>\n"


def _tr(point: PosturePoint, words: PageWords) -> str:
    evidence = "<br>".join(escape(evidence_text(one, words)) for one in point.evidence)
    return (
        f"<tr><td class='{point.state.value}'>{escape(words.states[point.state])}</td><td>{escape(point.text)}</td>"
        f"<td>{evidence}</td><td>{escape(point.next)}</td></tr>"
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is: nothing in it can be mark-up."""
    for letter in "\\`*_[]<>#|":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ")
