"""What a process asks of the kernel and of Python: no core dumps, not to outlive its parent, a patient garbage
collector.

Owns: the calls, those to the kernel through ctypes on Linux; elsewhere core dumps are limited and the parent is not
watched. A core dump would hold keys and templates: vault.md section 3.
"""

import ctypes
import gc
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
GC_OBJECTS, GC_YOUNG, GC_OLD = 20_000, 20, 50


def forbid_core_dumps() -> None:
    """Set the limit to 0, and on Linux make the process undumpable (which also covers core handlers behind a pipe)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)


def exit_with_parent(parent: int) -> None:
    """Ask for SIGTERM when the parent dies. `parent` is its process id, or 1 when it is not known.

    A parent that died before the call is noticed by its id: then this raises SystemExit.
    """
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent > 1 and os.getppid() != parent:
        raise SystemExit(0)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def settle_memory() -> None:
    """Spare the garbage collector what starting made, and let it look less often: a server's garbage is seldom cyclic.

    Measured with 64 calls in flight: the 99th percentile fell from about 100 to about 70 ms (two runs each).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS, GC_YOUNG, GC_OLD)
