"""How many allowed uses each event of a log has: exact for every event, twelve bytes for one that was not used lately.

Owns the counting of `placet.evidence.state`. A log of many years has more used events than fit a dictionary.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

LATELY: Final = 65_536
"""How many events are kept where counting is quickest."""


class UseCounts:
    """Counts by event index."""

    __slots__ = ("_counts", "_events", "_lately", "_most")

    # Invariant: `_events` ascends, `_counts` is parallel to it; a count in `_lately` is the newer one.

    def __init__(self, *, lately: int = LATELY) -> None:
        self._most = lately
        self._lately: dict[int, int] = {}
        self._events = array("Q")
        self._counts = array("I")

    def __getitem__(self, event: int) -> int:
        """Return the count of an event, 0 if it has none."""
        count = self._lately.get(event)
        if count is not None:
            return count
        events = self._events
        if not events or event > events[-1]:
            return 0
        place = bisect_left(events, event)
        return self._counts[place] if events[place] == event else 0

    def add(self, event: int) -> None:
        """Count one more use of an event."""
        self.put(event, self[event] + 1)

    def put(self, event: int, count: int) -> None:
        """Set the count of an event."""
        self._lately[event] = count
        if len(self._lately) >= self._most:
            self._settle()

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Return every event that has a count, with it, ascending by index."""
        self._settle()
        return zip(self._events, self._counts, strict=True)

    def _settle(self) -> None:
        """Move what was counted lately to the arrays; most of it goes to their end."""
        events, counts = self._events, self._counts
        for event, count in sorted(self._lately.items()):
            place = len(events) if not events or event > events[-1] else bisect_left(events, event)
            if place < len(events) and events[place] == event:
                counts[place] = count
            else:
                events.insert(place, event)
                counts.insert(place, count)
        self._lately.clear()
