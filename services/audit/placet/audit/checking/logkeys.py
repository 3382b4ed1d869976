"""The keys of a log: the ones that should sign, and the rows of the further ones against what the entries say."""

from collections.abc import Sequence

from placet.audit.checking.findings import Findings
from placet.audit.model import Head, Log
from placet.audit.ports import LogKeys
from placet.audit.signing import Signers
from placet.evidence.rotation import Rotation
from placet.kit.errors import PlacetError


def sound_keys(log: Log) -> bool:
    """Tell whether the rows of the further keys hold values of their types; what was tampered with may not."""
    texts = (key.vkey for key in log.rotated)
    numbers = (number for key in log.rotated for number in (key.number, key.overlap, key.since, key.until))
    return all(isinstance(one, str) for one in texts) and all(isinstance(one, int) for one in numbers)


def check_signing(log: Log, head: Head, keys: LogKeys | None, found: Findings) -> None:
    """Look whether the keys that sign the checkpoint at the head are where they should be."""
    if not sound_keys(log):
        found.add("key", None, "the rows of its further keys hold values of other types")
        return
    if keys is None:
        return
    try:
        Signers(log, keys).at(head)
    except PlacetError as error:
        found.add("key", None, error.message)


def check_rotations(log: Log, rotations: Sequence[Rotation], found: Findings) -> None:
    """Compare the rows of the further keys with the entries that put them in force."""
    stored = [(key.number, key.since, key.vkey, key.until) for key in log.rotated]
    said = [(number, one.index, one.vkey, one.until) for number, one in enumerate(rotations, 2)]
    if stored != said:
        found.add("key", None, f"{len(stored)} rows do not fit {len(said)} rotations")
    replaced = [log.vkey, *(one.vkey for one in rotations)]
    for before, after in zip(replaced, rotations, strict=False):
        if after.replaces != before:
            found.add("entry", after.index, "replaces another key than the one before it")
