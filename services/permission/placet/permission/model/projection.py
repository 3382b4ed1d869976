"""What this process remembers of persons' consents, so that an event needs no question to the consent service.

Owns: a bounded least-recently-used map (controller, subject reference or ordinal) -> consents, what makes an entry
stale, and how a message about an ordinal reaches the entries that hold it. Never: the authority. The sequencer judges
every basis again; a stale entry costs at worst a denial that names a worse reason, never an allow.
Follows architecture.md section 3, hop 2. Mutable; used by one event loop.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from placet.permission.model.basis import BasisFacts, newest_first
from placet.permission.model.vocabulary import MAX_INT, SECOND

# A person's subject reference, or the ordinal of a basis that was named without a person.
Whose = bytes | int
_Key = tuple[str, Whose]
_MAX_NEWS = 16_384


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The consents of one person, newest first, as of a ledger index: changes below `as_of` are reflected.

    `reached` is the `after` up to which this entry serves readers of their own writes.
    """

    bases: tuple[BasisFacts, ...]
    as_of: int
    reached: int
    read_at: int
    expires: int


class Projection:
    """The map. `capacity` in entries, `max_age` and `doubt_age` in microseconds.

    An entry older than `doubt_age` is not trusted to know that there is NO consent, one older than `max_age` at all.
    """

    # Invariant: `_holders` names exactly the entries of `_known` that hold an ordinal, of its own or in `needs`.

    def __init__(self, *, capacity: int = 200_000, max_age: int = 300 * SECOND, doubt_age: int = SECOND) -> None:
        self._capacity = capacity
        self._max_age = max_age
        self._doubt_age = doubt_age
        self._known: OrderedDict[_Key, Known] = OrderedDict()
        self._holders: dict[tuple[str, int], set[_Key]] = {}
        self._newest_grant: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._news: OrderedDict[tuple[str, int], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, controller: str, whose: Whose, *, after: int, now: int) -> Known | None:
        """Return what is known, or None if consent has to be asked: nothing, too old, or behind `after`."""
        key = (controller, whose)
        known = self._known.get(key)
        if known is None or now >= known.expires or (after and known.reached <= after):
            return None
        self._known.move_to_end(key)
        return known

    def doubtful(self, controller: str, known: Known, now: int) -> bool:
        """Tell whether a consent that is not known here may have been granted since."""
        return now - known.read_at >= self._doubt_age or self._newest_grant.get(controller, -1) >= known.as_of

    def put(
        self, controller: str, whose: Whose, bases: Iterable[BasisFacts], *, as_of: int, after: int, now: int
    ) -> Known:
        """Remember what consent answered to a caller that knew of changes up to `after`; return it.

        What news has overtaken already is not kept. A caller that claims to know of changes beyond the log's size is
        answered, but serves nobody else.
        """
        newest = newest_first(bases)
        bands = (basis.age_band_until for basis in newest if basis.age_band_until)
        known = Known(
            bases=newest,
            as_of=as_of,
            reached=max(as_of, min(after + 1, self._sizes.get(controller, 0))),
            read_at=now,
            expires=min(now + self._max_age, min(bands, default=MAX_INT)),
        )
        key = (controller, whose)
        self._drop(key)
        if not any(self._news.get((controller, ordinal), -1) >= as_of for ordinal in _ordinals(known)):
            self._keep(key, known)
        return known

    def grown(self, controller: str, size: int) -> None:
        """Take in how large the controller's log is by now."""
        if size > self._sizes.get(controller, 0):
            self._sizes[controller] = size

    def granted(self, controller: str, index: int) -> None:
        """Take in that a consent of somebody was granted at `index`: who it was, messages never tell."""
        self._newest_grant[controller] = max(index, self._newest_grant.get(controller, 0))

    def changed(self, controller: str, ordinal: int, index: int) -> None:
        """Drop what holds this basis and is older than its change at `index`."""
        self._news[(controller, ordinal)] = max(index, self._news.pop((controller, ordinal), 0))
        if len(self._news) > _MAX_NEWS:
            self._news.popitem(last=False)
        for key in tuple(self._holders.get((controller, ordinal), ())):
            if self._known[key].as_of <= index:
                self._drop(key)

    def clear(self) -> None:
        """Forget everything: after messages may have been missed."""
        self._known.clear()
        self._holders.clear()

    def _keep(self, key: _Key, known: Known) -> None:
        self._known[key] = known
        for ordinal in _ordinals(known):
            self._holders.setdefault((key[0], ordinal), set()).add(key)
        while len(self._known) > self._capacity:
            self._drop(next(iter(self._known)))

    def _drop(self, key: _Key) -> None:
        known = self._known.pop(key, None)
        for ordinal in _ordinals(known) if known else ():
            holders = self._holders[(key[0], ordinal)]
            holders.discard(key)
            if not holders:
                del self._holders[(key[0], ordinal)]


def _ordinals(known: Known) -> set[int]:
    return {ordinal for basis in known.bases for ordinal in (basis.ordinal, *basis.needs)}
