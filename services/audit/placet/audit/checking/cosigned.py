"""What witnesses signed, against the entries: every kept checkpoint, and every cosignature under it.

A kept checkpoint says what the log signed at a size: its root must be that of the entries, its signatures exactly those
of the keys that sign there, and one that lies beyond the end says that entries were cut off. A cosignature must be its
witness's, over that checkpoint. What nothing can tell: that a checkpoint with all its cosignatures is gone, or one
cosignature of several. The rows may be in another database than the entries (`witness_tables`).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from placet.audit.checking.findings import Findings
from placet.audit.checking.streaming import Rows, Values
from placet.audit.model import Head, Log
from placet.audit.signing import signing
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.kit.errors import PlacetError
from placet.tlog.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint
from placet.tlog.cosignature import CosignatureVerifier
from placet.tlog.errors import TlogError
from placet.tlog.note import NoteVerifier, Verifier, open_note

CHECKPOINTS: Final = "witnessed"
LINES: Final = "cosignature"
TYPES: Final = "its values are of other types"
_CHECKPOINTS: Final = "SELECT size, root, note FROM witnessed WHERE origin = ? ORDER BY size"
_LINES: Final = "SELECT size, vkey, line FROM cosignature WHERE origin = ? ORDER BY size, vkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignatures:
    """Where cosignatures are kept; `witnesses` are the keys (texts) that may stand there, None: any."""

    engines: Engines
    witnesses: Collection[str] | None = None


class CosignedCheck:
    """Takes the sizes at which the log can have been signed, ascending. Make it before the entries are read.

    Then whatever was kept by that moment is of entries that are read, also while the service goes on. Rows that cannot
    be read are a finding, and keep nobody from checking the entries.
    """

    def __init__(self, cosigned: Cosignatures, log: Log, found: Findings) -> None:
        self._witnesses = cosigned.witnesses
        self._log = log
        self._found = found
        self._stack = ExitStack()
        self._rows: tuple[Rows, Rows] | None = None
        with self._unless_lost():
            connection = self._stack.enter_context(cosigned.engines.moment())
            self._rows = (
                Rows(connection, found, CHECKPOINTS, _CHECKPOINTS, log.origin),
                Rows(connection, found, LINES, _LINES, log.origin),
            )

    def state(self, size: int, t: int, root: Callable[[], bytes]) -> None:
        """Compare what is kept at this size, where the last entry is a state of the time `t`."""
        if self._rows is None:
            return
        checkpoints: list[Values] = []
        lines: list[Values] = []
        with self._unless_lost():
            checkpoints, lines = (rows.take(size) for rows in self._rows)
        for row in checkpoints:
            wrong = self._wrong_checkpoint(row, Head(size=size, t=t, state=size - 1), root)
            wrong = wrong or ("" if lines else "no cosignature stands under it")
            if wrong:
                self._found.add(CHECKPOINTS, size, wrong)
        for row in lines:
            wrong = self._wrong_line(checkpoints, row)
            if wrong:
                self._found.add(LINES, size, wrong)

    def end(self, size: int) -> None:
        """Note what is left over: kept of more entries than there are, or of nothing."""
        if self._rows is None:
            return
        with self._unless_lost():
            checkpoints, lines = self._rows
            while (row := checkpoints.next()) is not None:
                beyond = isinstance(row[0], int) and row[0] > size
                text = f"a checkpoint of {row[0]} entries was cosigned, {size} are left: the others were cut off"
                self._found.add(CHECKPOINTS, row[0], text if beyond else "no checkpoint can have this size")
            lines.end()

    def close(self) -> None:
        """Read no more."""
        for rows in self._rows or ():
            rows.close()
        self._stack.close()

    @contextmanager
    def _unless_lost(self) -> Iterator[None]:
        try:
            with mapped():
                yield
        except PlacetError as error:
            self._lose(error.message)
        except UnicodeDecodeError:
            self._lose("the database file is damaged: a text in it is none")

    def _lose(self, why: str) -> None:
        self._found.add(CHECKPOINTS, None, f"cosignatures cannot be read: {why}")
        self._rows = None

    def _wrong_checkpoint(self, row: Values, head: Head, root: Callable[[], bytes]) -> str:
        """Compare a kept checkpoint with the entries, its note with its row, its signatures with who signs there."""
        if not _are(row, int, bytes, str):
            return TYPES
        size, stored, note = row
        if stored != root():
            return "its root is not that of the entries"
        try:
            signers = [Verifier.parse(key.vkey) for key in signing(self._log, head)]
            opened = open_note(note, signers)
            given = parse_checkpoint(opened.text)
        except TlogError as error:
            return f"its note does not verify: {error}"
        if given != Checkpoint(origin=self._log.origin, size=size, root=stored):
            return "its note is another checkpoint"
        if opened.unknown or [vkey for vkey, _ in opened.verified] != [one.vkey for one in signers]:
            return "its note has other signatures than those of the keys that sign there"
        return ""

    def _wrong_line(self, checkpoints: Sequence[Values], row: Values) -> str:
        if not checkpoints:
            return "no checkpoint of this size was kept"
        if not _are(row, int, str, str):
            return TYPES
        _, vkey, line = row
        try:
            witness = CosignatureVerifier.parse(vkey)
        except TlogError as error:
            return f"its key is none: {error}"
        if self._witnesses is not None and vkey not in self._witnesses:
            return f"its witness {witness.vkey.name} is none of those that are named"
        size, root, _ = checkpoints[0]
        return _wrong_signature(self._log.origin, size, root, witness, line)


def _wrong_signature(origin: str, size: int, root: Any, witness: NoteVerifier, line: str) -> str:
    try:
        text = format_checkpoint(Checkpoint(origin=origin, size=size, root=root))
        opened = open_note(f"{text}\n{line}", [witness])
    except (TlogError, TypeError) as error:  # TypeError: of a root that is none, which is a finding of its own
        return f"it is not its witness's under this checkpoint: {error}"
    return "it is more than one line" if line.count("\n") != 1 or opened.unknown else ""


def _are(row: Values, *types: type) -> bool:
    return all(isinstance(value, kind) for value, kind in zip(row, types, strict=True))
