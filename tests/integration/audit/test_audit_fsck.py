"""A stored log that was tampered with is found, and the first bad entry is named; an untouched one is clean."""

from pathlib import Path

import pytest
from integration.audit.rig import SECOND, Rig, decision, event, use

from placet.audit.fsck import Finding, fsck

TRIGGERS = ("entry", "tile", "idempotency", "decision", "basis_change", "event_use")


@pytest.fixture
def filled(rig: Rig) -> Rig:
    """A log of a few hundred entries of every kind, with a full tile."""
    bases = [rig.grant(), rig.grant(max_events=3)]
    for number in range(140):
        rig.now += SECOND
        rig.send(event(rig.now, bases[number % 2], permit=1), decisions=[decision()])
    rig.send(use(rig.event(bases[0], permit=1).results[0].index), service="vault")
    rig.withdraw(bases[1])
    return rig


def check(rig: Rig) -> list[Finding]:
    return fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None)


def tamper(rig: Rig, statement: str, *parameters: object) -> None:
    """Change what is stored, the way somebody with the file in hand can."""
    with rig.engines.writer.begin() as connection:
        for table in TRIGGERS:
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_refuses_{verb}")
        connection.exec_driver_sql(statement, parameters)


def test_an_untouched_log_is_clean(filled: Rig) -> None:
    assert check(filled) == []


@pytest.mark.parametrize("index", [0, 1, 5, 100, 255, 256, 260])
def test_one_changed_byte_is_named(filled: Rig, index: int) -> None:
    body = bytearray(filled.bodies()[index])
    body[len(body) // 2] ^= 1
    tamper(filled, "UPDATE entry SET body = ? WHERE idx = ?", bytes(body), index)
    first = check(filled)[0]
    assert (first.part, first.index) == ("entry", index)


def test_a_well_formed_lie_is_named_because_the_next_entry_was_chained_to_the_truth(filled: Rig) -> None:
    index = next(n for n, body in enumerate(filled.bodies()) if b'"kind":"event"' in body)
    lie = filled.bodies()[index].replace(b'"device":"counter-1"', b'"device":"counter-9"')
    tamper(filled, "UPDATE entry SET body = ? WHERE idx = ?", lie, index)
    first = check(filled)[0]
    assert (first.part, first.index) == ("entry", index)


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("DELETE FROM entry WHERE idx = 50", "entry"),
        ("DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry)", "entry"),
        ("UPDATE log SET size = size - 2", "head"),
        ("UPDATE log SET prev = zeroblob(32)", "head"),
        ("UPDATE log SET bases = bases + 1", "head"),
        ("UPDATE log SET status_root = zeroblob(32)", "head"),
        ("UPDATE tile SET hashes = zeroblob(8192)", "tile 0"),
        ("UPDATE tile SET root = zeroblob(32)", "tile 0"),
        ("DELETE FROM tile", "tile 0"),
        ("UPDATE basis SET ended = NULL", "basis"),
        ("UPDATE basis SET history = zeroblob(32)", "basis"),
        ("DELETE FROM basis WHERE ordinal = 0", "basis"),
    ],
)
def test_every_other_change_is_found(filled: Rig, statement: str, part: str) -> None:
    tamper(filled, statement)
    assert part in [finding.part for finding in check(filled)]


def test_two_entries_swapped_are_found(filled: Rig) -> None:
    tamper(filled, "UPDATE entry SET idx = CASE idx WHEN 20 THEN -1 ELSE 20 END WHERE idx IN (20, 21)")
    tamper(filled, "UPDATE entry SET idx = 21 WHERE idx = -1")
    assert check(filled)[0].index == 20


def test_another_key_than_the_pinned_one_is_found(filled: Rig) -> None:
    found = fsck(filled.engines, filled.log, keys=None, vkey="other+key", progress=lambda *_: None)
    assert [finding.part for finding in found] == ["key"]


def test_a_missing_signing_key_is_found(filled: Rig, tmp_path: Path) -> None:
    (tmp_path / "keys" / "log-bank.key").unlink()
    assert [finding.part for finding in check(filled)] == ["key"]
