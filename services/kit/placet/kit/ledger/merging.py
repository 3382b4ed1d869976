"""Making one append request of what several callers wait for, and giving each its part of the answer.

Owns how much fits one request: at most 512 submissions, and NATS's maximum payload for the request and for the answer
it will cause, whose size is estimated. Distinct decisions and distinct `seen` travel once. Pure: no I/O, no clock.
"""

from asyncio import Future
from collections import deque
from collections.abc import Sequence
from typing import Final

from msgspec import Raw

from placet.kit.ledger.errors import AnswerMismatch, TooMuchAtOnce
from placet.kit.ledger.messages import (
    MAX_SUBMISSIONS,
    AppendReply,
    AppendRequest,
    Submission,
    encode_request,
)
from placet.kit.ledger.receipts import Appended, SharedReply

# What surrounds the parts: envelope, checkpoint, range proofs.
_ROOM: Final = 16 * 1024
# An entry is its draft and what the sequencer adds: chain link, time, verdict, reasons; then the leaf hash.
_ADDED: Final = 640
# One consistency proof: at most 2 * log2(size) hashes of 34 bytes, 53 levels at the very most.
_PER_SEEN: Final = 2_048


class Call:
    """One caller's append, from when it waits until `future` has its outcome."""

    __slots__ = (
        "alone",
        "answer_bytes",
        "deadline",
        "decisions",
        "future",
        "request_bytes",
        "seen",
        "sent",
        "submissions",
    )

    def __init__(
        self,
        submissions: Sequence[Submission],
        decisions: Sequence[bytes],
        *,
        seen: int,
        deadline: int,
        future: "Future[Appended]",
    ) -> None:
        self.submissions = submissions
        self.decisions = decisions
        self.seen = seen
        self.deadline = deadline
        self.future = future
        bodies = sum(len(memoryview(one.body)) for one in submissions)
        # 16 bytes a submission for msgpack's own; keys and digests have at most 64 and 32.
        self.request_bytes = bodies + len(submissions) * 128
        self.answer_bytes = bodies + len(submissions) * _ADDED + (_PER_SEEN if seen else 0)
        self.sent = 0  # requests that it went with and that the ledger may have read
        self.alone = False  # it goes without company: a request it was in was refused as a whole


class Budget:
    """How much one request may still take."""

    def __init__(self, max_payload: int) -> None:
        self._request = self._answer = max_payload - _ROOM
        self._submissions = MAX_SUBMISSIONS
        self.decisions: dict[bytes, int] = {}

    def take(self, call: Call) -> bool:
        """Make room for a call; False, with nothing taken, if there is none."""
        new = [one for one in call.decisions if one not in self.decisions]
        request = self._request - call.request_bytes - sum(map(len, new))
        answer = self._answer - call.answer_bytes
        submissions = self._submissions - len(call.submissions)
        if min(request, answer, submissions) < 0:
            return False
        self._request, self._answer, self._submissions = request, answer, submissions
        for one in new:
            self.decisions.setdefault(one, len(self.decisions))
        return True


def require_fitting(call: Call, max_payload: int) -> None:
    """Raise TooMuchAtOnce if the call would not even fit a request of its own."""
    if len(call.submissions) > MAX_SUBMISSIONS:
        raise TooMuchAtOnce(f"{len(call.submissions)} submissions are more than {MAX_SUBMISSIONS}")
    room = max_payload - _ROOM
    if call.answer_bytes > room or call.request_bytes + sum(map(len, set(call.decisions))) > room:
        raise TooMuchAtOnce(f"the submissions or their answer are more than one message of {max_payload} bytes")


def take_group(waiting: deque[Call], max_payload: int) -> tuple[list[Call], dict[bytes, int]]:
    """Take from the queue what goes into the next request, in order; return it and the places of its decisions.

    Calls whose caller has its outcome already (cancelled, expired) are dropped. Empty if nothing is left.
    """
    group: list[Call] = []
    budget = Budget(max_payload)
    while waiting:
        call = waiting[0]
        if call.future.done():
            waiting.popleft()
            continue
        if group and (call.alone or group[0].alone or not budget.take(call)):
            break
        if not group:
            budget.take(call)  # it fits by itself: `require_fitting`
        group.append(waiting.popleft())
    return group, budget.decisions


def merge(group: Sequence[Call], decisions: dict[bytes, int], deadline: int) -> bytes:
    """Return one request for all calls, in order; `deadline` is in unix microseconds."""
    submissions: list[Submission] = []
    for call in group:
        places = [decisions[one] for one in call.decisions]
        if places == list(range(len(places))):
            submissions += call.submissions
        else:
            submissions += [_moved(one, places) for one in call.submissions]
    seen = sorted({call.seen for call in group} - {0})
    return encode_request(AppendRequest(deadline, seen, [Raw(one) for one in decisions], submissions))


def share(group: Sequence[Call], reply: AppendReply) -> list[Appended]:
    """Return each call's part of the answer; raises AnswerMismatch if it does not have one result a submission."""
    asked = sum(len(call.submissions) for call in group)
    if len(reply.results) != asked:
        raise AnswerMismatch(asked, len(reply.results))
    shared = SharedReply(reply)
    parts = []
    begin = 0
    for call in group:
        end = begin + len(call.submissions)
        parts.append(Appended(shared, reply.results[begin:end], call.seen))
        begin = end
    return parts


def _moved(one: Submission, places: Sequence[int]) -> Submission:
    if one.decision is None:
        return one
    return Submission(one.key, one.digest, one.kind, one.body, places[one.decision])
