"""Runs a command that ends when its starter ends, however that ends: `python leash.py PID COMMAND...`.

Owns one thing: asking the kernel (Linux, PR_SET_PDEATHSIG) to send SIGTERM to this process when its parent dies, and
then becoming the command. For nats-server, which cannot ask by itself; our own services do (placet.kit.process).
Needs nothing but the standard library, so that it can run with `-I -S` in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the command; if the starter is gone already, end."""
    starter, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != int(starter):
            return
    os.execv(command[0], command)  # noqa: S606 (its caller names the whole path)


if __name__ == "__main__":
    main(sys.argv[1:])
