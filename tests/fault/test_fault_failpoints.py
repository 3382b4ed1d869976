"""The list of failpoints: every write of it is in the code and in a table test, and arming one is what it says."""

import re
import signal
import subprocess
import sys

import pytest
from architecture.workspace import shown, sources
from fault import test_fault_ledger_table, test_fault_log_table, test_fault_outbox_table, test_fault_rotation_table
from pydantic import ValidationError

from placet.kit import failpoints
from placet.kit.failpoints import Side, Write
from placet.kit.settings import BaseServiceSettings

CODE = {shown(path): path.read_text() for path in sources() if path.name != "failpoints.py"}


def test_every_write_of_the_list_is_passed_on_both_sides() -> None:
    text = "\n".join(CODE.values())
    wrapped = set(re.findall(r"with Write\.(\w+)[:,]", text))
    called = set(re.findall(r"Write\.(\w+)\.before\(\)", text)) & set(re.findall(r"Write\.(\w+)\.after\(\)", text))
    assert {write.name for write in Write} == wrapped | called


def test_every_write_has_its_case_in_a_table() -> None:
    tables = (
        test_fault_ledger_table,
        test_fault_log_table,
        test_fault_outbox_table,
        test_fault_rotation_table,
    )
    assert {write for table in tables for write in table.WRITES} == set(Write)


def test_every_insert_and_commit_of_the_store_is_wrapped() -> None:
    store = CODE["services/audit/placet/audit/store.py"]
    writes = r"session\.insert\(|self\._move_head\(session|\.run\(_ROTATE"
    wrapped = re.findall(rf"with Write\.\w+:\n\s+(?:\w+ = )?(?:self\._open)?(?:{writes})", store)
    assert len(re.findall(writes, store)) == len(wrapped)


def test_off_it_costs_a_look_at_a_variable_and_nothing_is_armed() -> None:
    assert failpoints._armed is None
    with Write.LEDGER_COMMIT:
        pass


@pytest.mark.parametrize(
    "text", ["ledger.commit", "ledger.commit:during", "no.such:after", "ledger.commit:after:0", "x"]
)
def test_a_malformed_failpoint_stops_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACET_FAILPOINT", text)
    with pytest.raises(ValidationError, match="before or after"):
        BaseServiceSettings(jwks="x", issuer="x")


def test_a_failpoint_is_read_as_it_is_written() -> None:
    assert failpoints.parse("ledger.commit:after:3") == (Write.LEDGER_COMMIT, Side.AFTER, 3)
    assert failpoints.parse("outbox.put:before") == (Write.OUTBOX_PUT, Side.BEFORE, 1)


def test_a_process_kills_itself_at_that_passing_and_not_before() -> None:
    program = (
        "from placet.kit import failpoints\n"
        "failpoints.kill_at('ledger.commit:after:3')\n"
        "for number in range(5):\n"
        "    with failpoints.Write.LEDGER_COMMIT:\n"
        "        print(number, flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["0", "1", "2"]
