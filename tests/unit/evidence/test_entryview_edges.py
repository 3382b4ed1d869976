"""What the quick readers leave to the thorough one, and what the shortcuts of judging leave to the rules."""

import pytest
from fakes.evidence_drafts import consent, decision, event, permit
from fakes.evidence_log import MemoryLog
from fakes.evidence_scenes import withdrawal

from placet.evidence.drafts import OutcomeDraft, UseDraft
from placet.evidence.entryview import event_facts, quick_event, quick_outcome, quick_use, read_event
from placet.evidence.errors import EvidenceError, MissingFact
from placet.evidence.rejudging import event_stands, use_stands
from placet.evidence.state import LogState
from placet.evidence.view import EventFacts


def log_of_one_event():
    log = MemoryLog()
    log.submit(consent())
    made = log.submit(event(permit=permit()), decision=decision())[0]
    used = log.submit(UseDraft(event=made.i, service="vault"), OutcomeDraft(of=made.i, result="match"))
    return log, made.i, used[0].i, used[1].i


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (b'"reasons":[]', b'"reasons":[,]'),
        (b'"reasons":[]', b'"reasons":["NONSENSE"]'),
        (b'"reasons":[]', b'"reasons":["POLICY","BASIS_WITHDRAWN"]'),
        (b'"reasons":[]', b'"reasons":[""]'),
        (b'"operation":"verify"', b'"operation":"export"'),
        (b'"device":"cam.1"', b'"device":"' + b"x" * 65_535 + b'"'),
        (b'"device":"cam.1"', b'"device":"\xc3\xa9"'),
        (b'"seen":0', b'"seen":9007199254740992'),
    ],
)
def test_an_event_that_is_not_ordinary_is_left_to_the_thorough_reader(written, instead):
    log, at, _, _ = log_of_one_event()
    data = log.entries[at]
    assert quick_event(data) is not None
    assert written in data
    assert quick_event(data.replace(written, instead)) is None


@pytest.mark.parametrize(
    ("written", "instead"),
    [(b'"reasons":[]', b'"reasons":["X"]'), (b'"service":"vault"', b'"service":"' + b"x" * 65_535 + b'"')],
)
def test_so_is_a_use(written, instead):
    log, _, at, _ = log_of_one_event()
    data = log.entries[at]
    assert quick_use(data) is not None
    assert quick_use(data.replace(written, instead)) is None


def test_so_is_an_outcome():
    log, _, _, at = log_of_one_event()
    data = log.entries[at]
    assert quick_outcome(data) is not None
    assert quick_outcome(data.replace(b'"match"', b'"' + b"x" * 65_535 + b'"')) is None
    assert quick_outcome(data.replace(b'"match"', b'"two words"')) is None


def test_another_kind_is_no_event():
    log, at, used, _ = log_of_one_event()
    assert event_facts(log.entries[used]) is None
    strange = log.entries[at].replace(b'"device":"cam.1"', b'"device":"\xc3\xa9"')
    assert event_facts(strange) == event_facts(log.entries[at])
    assert read_event(strange) == read_event(log.entries[at])._replace(device="\u00e9")
    with pytest.raises(EvidenceError) as caught:
        read_event(log.entries[used])
    assert caught.value.reason == "KIND"


class Bare(LogState):
    """Facts with a hole in them."""

    def basis(self, ordinal):
        return None

    def event(self, index):
        facts = read_event(self.data).facts()
        return EventFacts(**{name: getattr(facts, name) for name in EventFacts.__slots__})


def test_whatever_is_not_known_is_left_to_the_rules():
    log, at, used, _ = log_of_one_event()
    view, use = read_event(log.entries[at]), quick_use(log.entries[used])
    assert not event_stands(view, LogState(log.origin))
    assert not use_stands(use, LogState(log.origin))
    facts = LogState(log.origin)
    facts.kept.bases.update(log.facts.kept.bases)
    assert not event_stands(view, facts), "its decision is not known"
    with pytest.raises(MissingFact):
        facts.decision(view.decision)
    bare = Bare(log.origin)
    bare.data = log.entries[at]
    assert not use_stands(use, bare), "the basis of its event is not known"
    assert not use_stands(use._replace(n=2), log.facts)
    assert not event_stands(view._replace(basis=None), log.facts)


def test_a_later_withdrawal_makes_the_same_event_fall():
    log, at, _, _ = log_of_one_event()
    view = read_event(log.entries[at])
    assert event_stands(view, log.facts)
    log.submit(withdrawal())
    assert not event_stands(view, log.facts)
