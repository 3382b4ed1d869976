"""The sentences: complete in both languages, with the same facts, and safe to print."""

import re

import pytest

from placet.evidence.reasons import Reason
from placet.evidence.terms import EndedBy, Form, Operation, Verdict
from placet.evidence.words import WORDS, Language, Saying, Statement, Time, say

HOLES = re.compile(r"\{([a-z_]+)\}")


@pytest.mark.parametrize("language", Language)
def test_every_sentence_exists(language):
    assert set(WORDS[language].sentences) == set(Saying)
    assert all(WORDS[language].sentences.values())


@pytest.mark.parametrize("saying", Saying)
def test_both_languages_have_the_same_facts_in_a_sentence(saying):
    english, chinese = (set(HOLES.findall(WORDS[language].sentences[saying])) for language in Language)
    assert english == chinese


@pytest.mark.parametrize("language", Language)
def test_every_code_has_a_word(language):
    codes = [*Form, *Operation, *Verdict, *EndedBy, *Reason]
    assert len({str(code) for code in codes}) == len(codes)
    assert set(WORDS[language].terms) == set(codes)
    assert all(WORDS[language].terms[reason].startswith(reason) for reason in Reason)


def test_chinese_sentences_have_chinese_punctuation():
    for sentence in WORDS[Language.ZH_CN].sentences.values():
        assert not re.search(r"[\u4e00-\u9fff][,;:()]", sentence)


def test_facts_are_shown_in_the_words_of_the_language():
    reasons = (Reason.BASIS_WITHDRAWN, Reason.POLICY)
    statement = Statement(saying=Saying.WRONG_ALLOW, facts={"index": 7, "reasons": reasons})
    assert say(statement) == (
        "Entry 7 says allow, but the rules deny it: BASIS_WITHDRAWN (the basis was withdrawn before), "
        "POLICY (the law forbids it: see the articles of the decision)."
    )
    assert "、" in say(statement, Language.ZH_CN)
    nothing = Statement(saying=Saying.WRONG_ALLOW, facts={"index": 7, "reasons": ()})
    assert "none" in say(nothing)
    assert "无" in say(nothing, Language.ZH_CN)


def test_times_are_shown_as_dates():
    facts = {"max_uses": 1, "not_after": Time(1_800_000_000_000_001)}
    assert "2027-01-15 08:00:00.000001 UTC" in say(Statement(saying=Saying.PERMIT, facts=facts))
    facts = {"max_uses": 1, "not_after": Time(2**53 - 1)}
    assert "2255-06-05" in say(Statement(saying=Saying.PERMIT, facts=facts))


def test_foreign_text_cannot_command_a_terminal():
    why = "\x1b[2J\u202e人\n"
    said = say(Statement(saying=Saying.WRONG_CHECKPOINT, facts={"why": why}))
    assert said.isprintable()
    assert "\\x1b[2J\\u202e" in said
