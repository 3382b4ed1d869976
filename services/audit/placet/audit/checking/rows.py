"""What follows from each entry in other tables: idempotency keys, changes of bases, uses, decisions.

Each table is read in the order of the entries, beside them: a row that is missing, wrong, of another entry or of none
is found at its index. One thing nothing can find: that the second key of a withdrawal, repeated under another key, is
gone. Without its row the sequencer gives the same answer again and writes the row anew.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from placet.audit.checking.findings import Findings
from placet.audit.checking.streaming import Rows, Values
from placet.audit.policy import MAY_APPEND
from placet.audit.rowseal import SEALED_SIZE, opened
from placet.audit.statements import Session
from placet.evidence.digests import decision_digest
from placet.evidence.entries import parse_entry
from placet.evidence.kinds import Decision
from placet.tlog.hashing import HASH_SIZE

_KEYS: Final = "SELECT idx, service, key, digest FROM idempotency WHERE log = ? ORDER BY idx, service, key"
_CHANGES: Final = "SELECT idx, ordinal FROM basis_change WHERE log = ? ORDER BY idx, ordinal"
_USES: Final = "SELECT idx, event, allowed FROM event_use WHERE log = ? ORDER BY idx, event"
_DECISIONS: Final = "SELECT idx, digest FROM decision WHERE log = ? ORDER BY idx, digest"
_DECIDED: Final = "SELECT idx FROM decision WHERE log = ? AND digest = ?"


class Passed(msgspec.Struct, frozen=True):
    """The fields of an entry that other rows follow from."""

    kind: str
    i: int
    t: int
    id: str | None = None
    form: str | None = None
    type: str | None = None
    basis: int | None = None
    event: int | None = None
    verdict: str | None = None

    @property
    def what(self) -> str:
        """What it is, as `placet.audit.policy` names it."""
        if self.kind == "grant":
            return f"grant:{self.form}"
        return f"record:{(self.type or '').partition('.')[0]}" if self.kind == "record" else self.kind


read_passed: Final = msgspec.json.Decoder(Passed).decode


class RowCheck:
    """Takes the entries that replay has accepted, in order."""

    def __init__(self, connection: Connection, log: int, found: Findings) -> None:
        self._connection = connection
        self._log = log
        self._found = found
        self._keys = Rows(connection, found, "idempotency", _KEYS, log)
        self._changes = Rows(connection, found, "basis_change", _CHANGES, log)
        self._uses = Rows(connection, found, "event_use", _USES, log)
        self._decisions = Rows(connection, found, "decision", _DECISIONS, log)
        self._sealed = False

    def entry(self, passed: Passed, body: bytes, *, rotates: bool = False) -> None:
        """Compare the rows of one entry; `rotates` if it is the log's own word on its key."""
        self._check_keys(passed, own=rotates or passed.kind in ("state", "decision") or passed.i == 0)
        changed = [passed.basis] if passed.kind in ("amend", "withdraw") else []
        self._compare(self._changes, passed.i, [(ordinal,) for ordinal in changed])
        used = [(passed.event, passed.verdict == "allow")] if passed.kind == "use" and passed.event is not None else []
        self._compare(self._uses, passed.i, used)
        if passed.kind == "decision":
            self._check_decision(passed.i, body)

    def end(self) -> None:
        """Note the rows that no entry gives."""
        for rows in self._all():
            rows.end()

    def close(self) -> None:
        """Read no more."""
        for rows in self._all():
            rows.close()

    def _all(self) -> Sequence[Rows]:
        return self._keys, self._changes, self._uses, self._decisions

    def _compare(self, rows: Rows, index: int, expected: Sequence[tuple[object, ...]]) -> None:
        stored = [tuple(row[1:]) for row in rows.take(index)]
        if stored != list(expected):
            self._found.add(rows.part, index, "is missing" if not stored else "is not what its entry gives")

    def _check_decision(self, index: int, body: bytes) -> None:
        entry = parse_entry(body)
        assert isinstance(entry, Decision)
        digest = decision_digest(entry)
        stored = [row[1] for row in self._decisions.take(index)]
        if stored == [digest]:
            return
        # The same content may stand in a log twice; then the row is that of the first.
        first = Session.over(self._connection).run(_DECIDED, self._log, digest).fetchone()
        if stored or first is None or not isinstance(first[0], int) or not 0 <= first[0] < index:
            self._found.add(self._decisions.part, index, "is not what its entry gives" if stored else "is missing")

    def _check_keys(self, passed: Passed, *, own: bool) -> None:
        rows = self._keys.take(passed.i)
        if own:
            if rows:
                self._found.add(self._keys.part, passed.i, f"a {passed.kind} that the sequencer itself wrote has a key")
            return
        if not rows:
            self._found.add(self._keys.part, passed.i, "is missing")
        elif len(rows) > 1 and passed.kind != "withdraw":
            self._found.add(self._keys.part, passed.i, "there are several keys for one entry")
        for row in rows:
            wrong = self._wrong_key(passed, row)
            if wrong:
                self._found.add(self._keys.part, passed.i, wrong)

    def _wrong_key(self, passed: Passed, row: Values) -> str:
        index, service, key, stored = row
        if not (isinstance(service, str) and isinstance(key, bytes) and isinstance(stored, bytes)):
            return "its values are of other types"
        if passed.what not in MAY_APPEND.get(service, ()):
            return f"the {service} service may not append a {passed.kind}"
        if passed.kind == "event" and key.hex() != (passed.id or "").replace("-", ""):
            return "its key is not the event's id"
        if opened(service, key, index, stored) is None:
            return "was changed"
        return self._wrong_size(passed, len(stored))

    def _wrong_size(self, passed: Passed, size: int) -> str:
        """Rows of before there were seals are followed by rows with seals, never the other way round."""
        if size == HASH_SIZE:
            return "it has lost its seal" if self._sealed else ""
        # A withdrawal of long ago may have been repeated today.
        self._sealed = self._sealed or passed.kind != "withdraw"
        return "" if size == SEALED_SIZE else "its digest has another length"
