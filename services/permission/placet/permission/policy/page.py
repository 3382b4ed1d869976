"""A pack as a page for people: every article with its source and how well it was read.

Owns: the Markdown of `docs/law/<pack>.md`, made from the metadata alone so that the page cannot say anything else than
the pack does. Never: gives advice. `python -m placet.permission.policy.page cn-2025 docs/law/cn-2025.md` writes it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from placet.permission.policy.metadata import Article, Confidence, InForce, Instrument, Metadata, Rule, Text
from placet.permission.policy.pack import Pack, load_shipped

_MARK = {Confidence.READ: "read", Confidence.UNVERIFIED: "**unverified**"}


def render(pack: Pack) -> str:
    """Return the page of a pack, Markdown."""
    return "\n".join(_lines(pack)) + "\n"


def _lines(pack: Pack) -> Iterator[str]:
    metadata = pack.metadata
    instruments = {instrument.id: instrument for instrument in metadata.instruments}
    yield from _head(pack)
    yield from _instruments(metadata)
    yield "## Rules"
    yield ""
    yield f"{len(metadata.rules)} policies. `permit` says which basis is relied on; a single `forbid` denies the event."
    yield ""
    for rule in metadata.rules:
        yield from _rule(rule, instruments)
    yield from _recorded(metadata, instruments)


def _head(pack: Pack) -> Iterator[str]:
    metadata = pack.metadata
    yield f"# {pack.id}"
    yield ""
    yield "<!-- Made from the pack by placet.permission.policy.page: change the pack, then make this page again. -->"
    yield ""
    yield f"{metadata.title.en}"
    yield ""
    yield f"{metadata.title.zh_cn}"
    yield ""
    yield "> **This is not legal advice.** It is what Placet enforces, and where each rule was found. A rule marked"
    yield "> **unverified** rests on something else than the text of the article (a summary, another law, a draft),"
    yield "> until someone with the text confirms it."
    yield ""
    yield f"- {_dates(metadata.in_force)}; jurisdiction {metadata.jurisdiction}."
    bands = ", ".join(f"`{band.value}`" for band in metadata.minor.bands) or "none"
    yield f"- Counts as a minor: {bands}. {_both(metadata.minor.explanation)}"
    if metadata.minor.bands:
        yield "- An age is reached as the birthday begins in the person's own time zone. A birthday of 29 February"
        yield "  is 1 March in other years, so that nobody comes of age a day early (one rule for all packs)."
    yield f"- Version {metadata.version}, pack hash `{pack.hash}`."
    yield ""


def _dates(in_force: InForce | None) -> str:
    if in_force is None:
        return "**A draft that never was law**: no date puts it in force, and it decides only where somebody names it"
    until = in_force.until.isoformat() if in_force.until else "further notice"
    return f"In force from {in_force.begin.isoformat()} until {until}"


def _instruments(metadata: Metadata) -> Iterator[str]:
    yield "## Instruments"
    yield ""
    for instrument in metadata.instruments:
        yield f"- `{instrument.id}`: [{instrument.title.en}]({instrument.address}) ({instrument.title.zh_cn})."
        yield f"  {_both(instrument.note)}"
    yield ""


def _rule(rule: Rule, instruments: dict[str, Instrument]) -> Iterator[str]:
    yield f"### `{rule.id}` ({rule.effect})"
    yield ""
    yield f"{rule.explanation.en}"
    yield ""
    yield f"{rule.explanation.zh_cn}"
    yield ""
    rows = ", ".join(rule.rules)
    yield f"- Source: {_cited(rule.source, instruments)}. Confidence: {_MARK[rule.confidence]}. Rows of law.md: {rows}."
    if rule.see:
        also = "; ".join(f"{_cited(other, instruments)} ({_MARK[other.confidence]})" for other in rule.see)
        yield f"- See also: {also}."
    yield f"- What to do: {_both(rule.next)}"
    yield ""


def _recorded(metadata: Metadata, instruments: dict[str, Instrument]) -> Iterator[str]:
    yield "## Recorded, never a reason to deny"
    yield ""
    for item in metadata.recorded:
        source = f"{_cited(item.source, instruments)}, {_MARK[item.confidence]}"
        yield f"- {item.rule} ({source}): {_both(item.explanation)}"


def _cited(article: Article, instruments: dict[str, Instrument]) -> str:
    word = "article " if article.article[0].isdigit() else ""  # "section 15(b)" and "rule 10" say it themselves
    return f"{instruments[article.instrument].title.en}, {word}{article.article}"


def _both(text: Text) -> str:
    return f"{text.en} {text.zh_cn}"


def main(arguments: list[str]) -> None:
    """Write the page of a shipped pack: PACK FILE."""
    name, file = arguments
    Path(file).write_text(render(load_shipped(name)), encoding="utf-8")


if __name__ == "__main__":  # pragma: no cover - run by hand
    main(sys.argv[1:])
