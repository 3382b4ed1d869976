"""A service as its own process, for the tests of `placet.kit.app`: the first argument says what it does."""

import asyncio
import os
import signal
import subprocess
import sys

from integration.kit_grpc.echo_service import Echo, add_echo

from placet.kit.app import Stack, run
from placet.kit.errors import Precondition
from placet.kit.settings import BaseServiceSettings


def say(text: str) -> None:
    print(text, flush=True)


class Part:
    """Something with a start and a stop."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __aenter__(self) -> "Part":
        say(f"start {self.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        say(f"stop {self.name}")


class SlowEcho(Echo):
    """Says when a call begins and how it ends."""

    async def _sleep(self) -> object:
        say("call begins")
        try:
            await asyncio.sleep(float(os.environ.get("SLEEP", "1")))
        except asyncio.CancelledError:
            say("call cancelled")
            raise
        say("call done")
        return await super()._answer(type("R", (), {"text": "slept"}), None)


async def work(fail: bool) -> None:
    try:
        await asyncio.sleep(0.3 if fail else 60)
        raise ValueError("canary: the projection is broken")
    except asyncio.CancelledError:
        say("work cancelled")
        raise


async def main(stack: Stack[BaseServiceSettings]) -> None:
    what = sys.argv[1]
    await stack.enter(Part("database"))
    await stack.enter(Part("bus"))
    if what == "refuses":
        raise Precondition("STATE_INVALID", "the data directory belongs to another release")
    if what == "hangs":
        say("hangs")
        await asyncio.sleep(60)
    stack.spawn(work(what == "fails"), name="projection")
    await stack.serve((add_echo, SlowEcho()))
    say("serving")


def be_a_parent() -> None:
    """Start the service and wait to be killed."""
    env = os.environ | {"PLACET_EXIT_WITH_PARENT": os.environ["EXIT_WITH_PARENT"].replace("pid", str(os.getpid()))}
    subprocess.Popen([sys.executable, __file__, "serves"], env=env)
    signal.pause()


if __name__ == "__main__":
    if sys.argv[1] == "parent":
        be_a_parent()
    sys.exit(run(main, BaseServiceSettings))
