"""The posture as a page: everything in it, nothing in it that runs, and what nobody read is marked."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from placet.evidence.words import Language
from placet.sdk import Posture, PostureArticle, PostureEvidence, PostureFinding, PosturePoint, PostureState
from placet.sdk.commands import run
from placet.sdk.commands.posture_page import WORDS, evidence_text, html, markdown, to_json
from placet.sdk.vocabulary import LeafIndex, Micros

NASTY = "<script>alert('x')</script> | [a](b) *c*"
EVIDENCE = PostureEvidence(
    kind="device", id="till-3", index=LeafIndex(12), valid_until=Micros(1_800_000_000_000_000), count=7
)
BARE = PostureEvidence(kind="purpose", id="payment", index=None, valid_until=None, count=None)


def posture(*states: PostureState, text: str = NASTY) -> Posture:
    findings = [
        PostureFinding(
            rule=f"R{at}",
            title=f"title {at}",
            state=state,
            points=(PosturePoint(state=state, code="x", text=text, next=text, evidence=(EVIDENCE, BARE)),),
            articles=(
                PostureArticle(id="cn-2025/art-9", confidence="read"),
                PostureArticle(id="cn-2025/pipl-28", confidence="unverified"),
            ),
        )
        for at, state in enumerate(states, 1)
    ]
    return Posture(
        controller="bank",
        language="en",
        observed_at=Micros(1_800_000_000_000_000),
        as_of=LeafIndex(31),
        packs=(("cn-2025", "hash-of-it"),),
        findings=tuple(findings),
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", Language)
def test_the_page_says_everything_and_runs_nothing(lang: Language) -> None:
    page = html(posture(*PostureState), lang)
    read = Tags()
    read.feed(page)
    assert not read.open
    assert {"script", "link", "img", "iframe"}.isdisjoint(read.tags)
    assert {"src", "href", "onclick", "style"}.isdisjoint(read.attributes)
    assert f"lang='{lang.value}'" in page
    words = WORDS[lang]
    for told in (*words.states.values(), words.advice, "till-3", f"{words.entry} 12", "hash-of-it", "2027-01-15"):
        assert told in page
    assert f"cn-2025/pipl-28 ({words.unverified})" in page
    assert "cn-2025/art-9 (" not in page


@pytest.mark.parametrize("lang", Language)
def test_nothing_in_the_markdown_is_mark_up(lang: Language) -> None:
    text = markdown(posture(*PostureState), lang)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 3 * len(PostureState)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
    assert not re.search(r"(?<!\\)[<\[*]", "\n".join(rows))


def test_evidence_in_one_line() -> None:
    words = WORDS[Language.EN]
    assert evidence_text(EVIDENCE, words) == "device till-3, entry 12, until 2027-01-15 08:00 UTC, count 7"
    assert evidence_text(BARE, words) == "purpose payment"


@pytest.mark.parametrize(
    ("states", "holds"),
    [
        ((), True),
        ((PostureState.MET, PostureState.AT_RISK), True),
        ((PostureState.MET, PostureState.NOT_MET), False),
        ((PostureState.NEEDS_PERSON,), False),
    ],
)
def test_what_holds(states: tuple[PostureState, ...], holds: bool) -> None:
    found = posture(*states)
    assert found.holds is holds
    told = to_json(found)
    assert (told["holds"], told["packs"]) == (holds, [{"id": "cn-2025", "hash": "hash-of-it"}])


def test_a_page_of_another_kind_is_used_wrongly(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["posture", "--export", "posture.pdf"]) == 2
    assert "neither .html nor .md" in capsys.readouterr().err
