"""The progress bar of long commands, on standard error; and stopping them between two steps."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def bar(console: Console) -> Progress:
    """Return a bar that counts entries and disappears when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


class Stop:
    """Whether Ctrl-C was pressed; pressed twice it ends the command at once."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.asked

    def interrupted(self, *_: object) -> None:
        """Note that Ctrl-C was pressed."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Let the first Ctrl-C only be noted."""
    stop = Stop()
    before = signal.signal(signal.SIGINT, stop.interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
