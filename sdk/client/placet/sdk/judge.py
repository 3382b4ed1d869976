"""From the answer to a batch or a single event to verified decisions: every check of an answer, in one place.

Owns the order: signature of the checkpoint, inclusion of every entry, the tie to what is held, then each entry against
its question. Returns one decision or ProofError per event, so that a wrong entry fails its own caller only.
"""

from collections.abc import Sequence

from placet.api.permission.v1 import permission_pb2 as pb
from placet.sdk.errors import ProofError
from placet.sdk.model.faces import Decision
from placet.sdk.proofs import check_event, check_inclusion, check_runs, refuse
from placet.sdk.session import Session
from placet.sdk.trust import Tree
from placet.sdk.wire.faces import Asked, decision_of, runs_of


async def judge_one(
    session: Session, asked: Asked, response: pb.AuthorizeResponse, anchor: Tree, deadline: float
) -> Decision:
    """Return the verified decision of a single event; raises ProofError, Unreachable as `Session.tie`."""
    checkpoint, answer = response.checkpoint, response.answer
    tree = session.trust.open(checkpoint.note, checkpoint.tree_size)
    check_inclusion(answer.index, answer.entry, response.proof, tree)
    await session.tie(tree, deadline, anchor=anchor, checkpoint=checkpoint)
    return _decide(asked, answer, tree)


async def judge_batch(
    session: Session, asked: Sequence[Asked], response: pb.AuthorizeBatchResponse, anchor: Tree, deadline: float
) -> list[Decision | ProofError]:
    """Return one verified decision, or the proof's refusal, for each event, in their order.

    Raises ProofError when nothing in the answer can be believed, Unreachable as `Session.tie`.
    """
    checkpoint = response.checkpoint
    answers: Sequence[pb.Answer] = list(response.answers)
    tree = session.trust.open(checkpoint.note, checkpoint.tree_size)
    if len(answers) != len(asked):
        refuse(f"{len(asked)} events were asked, {len(answers)} answered", tree)
    entries = {answer.index: answer.entry for answer in answers}
    if len(entries) != len(answers) and any(entries[answer.index] != answer.entry for answer in answers):
        refuse("two answers give different entries for one position", tree)
    beginnings = check_runs(entries, runs_of(response.proofs), tree)
    await session.tie(tree, deadline, anchor=anchor, checkpoint=checkpoint, beginnings=beginnings)
    judged: list[Decision | ProofError] = []
    for one, answer in zip(asked, answers, strict=True):
        try:
            judged.append(_decide(one, answer, tree))
        except ProofError as error:
            judged.append(error)
    return judged


def _decide(asked: Asked, answer: pb.Answer, tree: Tree) -> Decision:
    view = check_event(asked, answer.index, answer.entry, repeated=answer.repeated, tree=tree)
    return decision_of(asked, view, answer, tree)
