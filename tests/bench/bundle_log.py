"""A log of the production sequencer with every kind of bundle in it, in the shares that a busy controller might have.

Of ten bases, four are plain consents, two were narrowed three times, two are of a minor with two guardians, one is a
legal permission with two approvals, one is withdrawn before its events. Each basis has five events, every third event
with a use; another tenth of the bases is withdrawn in the end. Filled up with events until it is as large as asked.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fakes.evidence_log import DPO, LEGAL
from integration.audit.bundle_story import HOUR, SUBJECT, legal_permission
from integration.audit.rig import Rig, decision, entry_of, event, grant_draft, use

from placet.evidence.drafts import AmendDraft, WithdrawDraft
from placet.kit.ledger.messages import Submission, submission

EACH = 5
GROUP = 500


class BundleLog:
    """One log below a folder."""

    def __init__(self, folder: Path) -> None:
        self._rig = Rig(folder)
        self._snapshot: Any = None

    def __enter__(self) -> "BundleLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._rig.close()

    @property
    def vkey(self) -> str:
        """The log's verifier key."""
        return self._rig.log.vkey

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._rig.sequencer.recover().size

    def fill(self, events: int, entries: int, *, plain: bool) -> list[int]:
        """Append everything and return the indexes of so many events."""
        count = -(-events // EACH)
        kinds = "c" * 10 if plain else "ccccaagglw"
        bases = [ordinal for group in self._grants(count, kinds) for ordinal in group]
        asked = [(bases[n % count], kinds[n % count % 10], n) for n in range(events)]
        found: list[int] = []
        for part in _parts(asked):
            found += self._events(part)
        if not plain:
            self._use(found[::3])
            self._withdraw([ordinal for n, ordinal in enumerate(bases) if n % 10 == 0])
        basis = self._rig.grant()
        while self.size < entries:
            self._send([event(self._rig.now, basis) for _ in range(GROUP)], "permission", [decision()])
        self._snapshot = self._rig.sequencer.snapshot()
        return found

    def bundle(self, index: int) -> bytes:
        """The bundle of an event under the last checkpoint."""
        return self._snapshot.bundle(index)  # type: ignore[no-any-return]

    def _grants(self, count: int, kinds: str) -> Iterator[list[int]]:
        now = self._rig.now
        for part in _parts(range(count)):
            wanted = [kinds[n % 10] for n in part]
            guardians = iter(self._granted([_guardianship(now) for kind in wanted for _ in range(2) if kind == "g"]))
            needs = [(next(guardians), next(guardians)) if kind == "g" else () for kind in wanted]
            consents = [_consent(now, needed) for kind, needed in zip(wanted, needs, strict=True) if kind != "l"]
            ordinals = iter(self._granted(consents))
            made = [self._legal() if kind == "l" else next(ordinals) for kind in wanted]
            narrowed = [ordinal for kind, ordinal in zip(wanted, made, strict=True) if kind == "a"]
            for changes in ({"purposes": ("pay",)}, {"egress": False}, {"sites": ("branch-1",)}):
                self._send([_submission(AmendDraft(basis=one, **changes)) for one in narrowed], "consent")  # type: ignore[arg-type]
            self._withdraw([ordinal for kind, ordinal in zip(wanted, made, strict=True) if kind == "w"])
            yield made

    def _granted(self, drafts: list[Any]) -> list[int]:
        reply = self._send([_submission(draft) for draft in drafts], "consent")
        return [entry_of(reply, place).basis for place in range(len(drafts))]

    def _legal(self) -> int:
        law = {"form": "legal_permission", "subject": None, "purposes": ("search",), "operations": ("identify",)}
        draft = grant_draft(self._rig.now, **law, not_after=self._rig.now + HOUR, authority="court_order/7")
        return legal_permission(self._rig, draft, (LEGAL, DPO))

    def _events(self, asked: Sequence[tuple[int, str, int]]) -> list[int]:
        now = self._rig.now
        decided = [decision(place_class=f"place_{n}") for n in range(8)]
        decided.append(decision(operation="identify", basis_form="legal_permission"))
        made = []
        for ordinal, kind, number in asked:
            one = event(
                now, ordinal, permit=1, **({"operation": "identify", "purpose": "search"} if kind == "l" else {})
            )
            made.append(Submission(one.key, one.digest, one.kind, one.body, 8 if kind == "l" else number % 8))
        reply = self._send(made, "permission", decided)
        return [result.index for result in reply.results]

    def _use(self, events: Sequence[int]) -> None:
        for part in _parts(events):
            self._send([use(index) for index in part], "vault")

    def _withdraw(self, ordinals: list[int]) -> None:
        drafts = [WithdrawDraft(basis=one, by="data_subject", reason="no_longer_wanted") for one in ordinals]  # type: ignore[arg-type]
        for part in _parts(drafts):
            self._send([_submission(draft) for draft in part], "consent")

    def _send(self, submissions: list[Submission], service: str, decided: Sequence[Any] = ()) -> Any:
        return self._rig.send(*submissions, service=service, decisions=decided) if submissions else None


def _consent(now: int, needs: tuple[int, ...]) -> Any:
    scope: dict[str, Any] = {"purposes": ("login", "pay"), "sites": ("branch-1", "branch-2"), "egress": True}
    changes: dict[str, Any] = {"needs": needs} | ({"subject": SUBJECT} if needs else {})
    return grant_draft(now, **scope, **changes)


def _guardianship(now: int) -> Any:
    return grant_draft(now, form="guardianship", subject=SUBJECT, purposes=(), operations=(), sites=())


def _submission(draft: Any) -> Submission:
    return submission(draft, key=os.urandom(16))


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(items), GROUP):
        yield items[first : first + GROUP]
