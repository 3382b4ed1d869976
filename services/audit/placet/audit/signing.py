"""Which keys of a log sign a checkpoint: the newest, and its predecessor while the overlap lasts.

A function of the head alone (its size and its time in the log), so whoever signs a checkpoint again, after a crash or
on another replica, signs it with the same keys. See docs/adr/0015-log-keys.md.
"""

from itertools import pairwise

from placet.audit.errors import Corrupt
from placet.audit.model import Head, Log, LogKey
from placet.audit.ports import LogKeys
from placet.tlog.note import NoteSigner, format_vkey


class Signers:
    """The signers of one log, each loaded when it is first needed: a key that signs no more need not be there."""

    def __init__(self, log: Log, keys: LogKeys) -> None:
        self._log = log
        self._keys = keys
        self._loaded: dict[int, NoteSigner] = {}

    def at(self, head: Head) -> list[NoteSigner]:
        """Return who signs the checkpoint at this head, the older key first; raises what `load` raises."""
        return [self.load(key) for key in signing(self._log, head)]

    def load(self, key: LogKey) -> NoteSigner:
        """Return the signer of a key.

        Raises Corrupt if the provider has another key under its number, and what the provider raises.
        """
        signer = self._loaded.get(key.number)
        if signer is None:
            signer = self._keys.load(self._log.controller, self._log.origin, key.number)
            if format_vkey(signer.vkey) != key.vkey:
                which = f"signing key {key.number} of {self._log.controller}"
                raise Corrupt(f"{which} here is not the one that its log names; replicas share keys")
            self._loaded[key.number] = signer
        return signer


def signing(log: Log, head: Head) -> list[LogKey]:
    """Return the keys that sign the checkpoint at this head, the older first."""
    known = [key for key in log.keys if key.since is not None and key.since < head.size]
    found = [key for key, successor in pairwise(known) if head.t <= successor.until]
    return [*found, *known[-1:]]
