"""The sequencer's clock: refuses to go on when time does not behave, because a wrong `t` could never be taken back.

A clock more than 10 s behind the log's last `t`, or one that gained more than 300 s on the monotonic clock between
two groups of one process, stops the sequencer (ledger.md section 5). Within that, `t` never goes back: it is
max(clock, last t).
"""

from collections.abc import Callable
from typing import Final

from placet.audit.errors import ClockUntrusted

BEHIND: Final = 10_000_000
GAIN: Final = 300_000_000


class LogClock:
    """Gives each group its `t`; `wall` and `monotonic` return microseconds."""

    def __init__(self, wall: Callable[[], int], monotonic: Callable[[], int]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._last: tuple[int, int] | None = None

    def now(self) -> int:
        """Return the wall clock, for deadlines."""
        return self._wall()

    def next(self, last: int) -> int:
        """Return the `t` of a group after one of `last`; raises ClockUntrusted."""
        wall, monotonic = self._wall(), self._monotonic()
        if wall < last - BEHIND:
            raise ClockUntrusted(f"its clock is {(last - wall) / 1e6:.0f} s behind the last entry")
        if self._last is not None and (wall - self._last[0]) - (monotonic - self._last[1]) > GAIN:
            raise ClockUntrusted("its clock leapt ahead by more than 300 s")
        self._last = (wall, monotonic)
        return max(wall, last)
