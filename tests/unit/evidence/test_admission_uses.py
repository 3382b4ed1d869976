"""A use is judged again at its own position: every reason, and what must be allowed."""

import pytest
from fakes.evidence_log import T0, MemoryLog
from fakes.evidence_scenes import ALLOWED_USES, USES, permitted, withdrawal

from placet.evidence.admission import admit_use
from placet.evidence.drafts import UseDraft
from placet.evidence.errors import MissingFact
from placet.evidence.terms import Verdict


@pytest.mark.parametrize("scene", [*USES, *ALLOWED_USES], ids=lambda scene: scene.__name__)
def test_a_use_has_all_its_reasons_and_its_number(scene):
    log = MemoryLog()
    made = scene(log)
    use = log.submit(UseDraft(event=made.event, service="vault"), t=made.t)[0]
    assert use.reasons == made.reasons
    assert use.verdict == (Verdict.DENY if made.reasons else Verdict.ALLOW)
    assert use.n == made.n


@pytest.mark.parametrize(("index", "written"), [(999, None), (2, None)])
def test_what_is_no_event_is_written_null(index, written):
    log = MemoryLog()
    permitted(log)
    assert log.submit(UseDraft(event=index, service="vault"))[0].event is written


def test_a_use_in_the_batch_of_its_withdrawal_is_decided_by_order():
    log = MemoryLog()
    index = permitted(log)
    _, use = log.submit(withdrawal(), UseDraft(event=index, service="vault"))
    assert use.verdict == Verdict.DENY


def test_a_view_without_the_events_basis_is_a_defect_not_an_allow():
    log = MemoryLog()
    index = permitted(log)
    log.facts._basis.clear()
    with pytest.raises(MissingFact, match="load it"):
        admit_use(UseDraft(event=index, service="vault"), log.at(), log.facts)
    assert log.t == T0
