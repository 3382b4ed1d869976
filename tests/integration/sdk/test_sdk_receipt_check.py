"""A withdrawal receipt is kept, and a log that goes back on the withdrawal is convicted by one small file.

The operator is a real server; its log is true in every entry, so nothing but the receipt can tell. Negative controls:
an honest log is not convicted, and without a receipt nobody notices.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from integration.sdk.operator_log import Operator, forked
from vectors.evidence import independent

from placet.evidence.bundle import ProvenEntry, format_evidence, parse_fraud
from placet.evidence.verify import verify_fraud
from placet.sdk import AsyncClient, Config, ConfigError, ProofError, ReceiptFolder, Targets
from placet.sdk.commands import run
from placet.tlog.note import Verifier

CONSENT = "019aaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"
LIMIT = 10 * 1024


@pytest.fixture
async def operator() -> AsyncIterator[Operator]:
    made = Operator()
    made.address = await made.start()  # type: ignore[attr-defined]
    yield made
    await made.stop()


def config_of(operator: Any, folder: Path | None, **changes: Any) -> Config:
    receipts = None if folder is None else ReceiptFolder(folder)
    targets = Targets(consent=operator.address, audit=operator.address)
    told = {"controller": "shop", "targets": targets, "token": "a.b.c", "log_vkey": operator.vkey}
    return Config(**{**told, "receipts": receipts, **changes})


@pytest.fixture
async def new_client(operator: Operator, tmp_path: Path) -> AsyncIterator[Callable[..., AsyncClient]]:
    made: list[AsyncClient] = []

    def new(folder: Path | None = tmp_path / "receipts", **changes: Any) -> AsyncClient:
        made.append(AsyncClient(config_of(operator, folder, **changes)))
        return made[-1]

    yield new
    for client in made:
        await client.close()


def judged(fraud: str, operator: Operator) -> tuple[str, ...]:
    """What a third party says who has the file and the key, and nothing else: our verifier, and another one."""
    independent.check_fraud(json.loads(fraud), operator.vkey)
    return verify_fraud(fraud, [Verifier.parse(operator.vkey)]).said


async def test_an_honest_log_is_not_convicted(operator: Operator, new_client: Any, tmp_path: Path) -> None:
    client = new_client()
    withdrawn = await client.withdraw_consent(CONSENT)
    for _ in range(5):
        operator.use()
        operator.use(0)
    (checked,) = await client.check_receipts()
    assert checked.holds
    assert (checked.basis, checked.index, checked.tree_size) == (1, withdrawn.receipt.index, operator.log.size)
    assert checked.receipt == withdrawn.evidence == next(ReceiptFolder(tmp_path / "receipts").kept(operator.log.origin))


@pytest.mark.parametrize(("lie", "words"), [("hide", "basis 1 had not been withdrawn"), ("forget", "only 1 bases")])
async def test_a_log_that_hides_a_withdrawal_is_convicted_by_one_small_file(
    operator: Operator, new_client: Any, lie: str, words: str
) -> None:
    client = new_client()
    await client.withdraw_consent(CONSENT)
    operator.use(0)
    getattr(operator, lie)()
    (checked,) = await client.check_receipts()
    assert not checked.holds
    assert len(checked.fraud.encode()) <= LIMIT
    said = " ".join(judged(checked.fraud, operator))
    assert words in said
    assert "signed a falsehood" in said


async def test_the_receipt_survives_the_client_and_convicts_from_another(operator: Operator, new_client: Any) -> None:
    first = new_client()
    await first.withdraw_consent(CONSENT)
    await first.close()
    operator.hide()
    (checked,) = await new_client().check_receipts()
    assert checked.fraud is not None
    assert judged(checked.fraud, operator)


async def test_without_a_receipt_nobody_notices(operator: Operator, new_client: Any) -> None:
    """Negative control: the same lie, everything else checked."""
    client = new_client(None)
    await client.withdraw_consent(CONSENT)
    operator.hide()
    assert await client.check_receipts() == ()
    assert (await client.checkpoint()).size == operator.log.size


async def test_a_receipt_given_by_somebody_else_is_checked_too(operator: Operator, new_client: Any) -> None:
    evidence = (await new_client(None).withdraw_consent(CONSENT)).evidence
    operator.hide()
    checked = await new_client(None).check_receipt(evidence)
    assert checked.fraud is not None
    assert judged(checked.fraud, operator)


@pytest.mark.parametrize("receipt", ["", "{}", "[]", "nonsense"])
async def test_what_is_no_receipt_is_refused(new_client: Any, receipt: str) -> None:
    with pytest.raises(ProofError):
        await new_client().check_receipt(receipt)


def other_status(response: Any) -> Any:
    response.status.basis = 0
    return response


def unproven_status(response: Any) -> Any:
    response.status.ClearField("ended")
    return response


def no_status(response: Any) -> Any:
    response.ClearField("status")
    return response


def other_entry(response: Any) -> Any:
    response.state.entry.index -= 1
    return response


@pytest.mark.parametrize("bend", [other_status, unproven_status, no_status, other_entry], ids=lambda one: one.__name__)
async def test_an_answer_that_proves_neither_is_an_alarm_and_convicts_nobody(
    operator: Operator, new_client: Any, bend: Any
) -> None:
    client = new_client()
    await client.withdraw_consent(CONSENT)
    operator.use(0)
    operator.bend = bend
    if bend is no_status:  # with a true state, leaving the status out proves nothing: the state counts the bases
        (checked,) = await client.check_receipts()
        assert checked.holds
        return
    with pytest.raises(ProofError):
        await client.check_receipts()


async def test_a_fork_under_a_receipt_is_caught_with_both_checkpoints(operator: Operator, new_client: Any) -> None:
    client = new_client()
    withdrawn = await client.withdraw_consent(CONSENT)
    operator.log = forked(operator, 6).log
    with pytest.raises(ProofError) as caught:
        await new_client().check_receipts()
    assert caught.value.reason in ("LOG_FORKED", "PROOF_INVALID")
    assert caught.value.held == withdrawn.receipt.checkpoint


async def test_a_receipt_that_cannot_be_kept_says_that_the_withdrawal_stands(
    operator: Operator, new_client: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    client = new_client(tmp_path / "file")
    with pytest.raises(ConfigError, match="is in force and proven; only its receipt was not kept") as caught:
        await client.withdraw_consent(CONSENT)
    assert caught.value.field == "receipts"
    assert operator.log.status[1].ended is not None
    again = new_client(tmp_path / "folder")
    assert (await again.withdraw_consent(CONSENT)).receipt.index == operator.log.status[1].ended
    assert len(await again.check_receipts()) == 1


async def test_the_commands_convict(operator: Operator, new_client: Any, tmp_path: Path, capsys: Any) -> None:
    """`placet receipts` writes the file, `placet verify --fraud` says what it proves."""
    await new_client().withdraw_consent(CONSENT)
    config = tmp_path / "client.json"
    targets = {"consent": operator.address, "audit": operator.address}  # type: ignore[attr-defined]
    told = {"controller": "shop", "targets": targets, "token": "a.b.c", "log_vkey": operator.vkey}
    config.write_text(json.dumps({**told, "receipts": "receipts"}))
    arguments = ["receipts", "--config", str(config), "--out", str(tmp_path)]
    assert await asyncio.to_thread(run, arguments) == 0
    assert "1 of 1 hold" in capsys.readouterr().out
    operator.hide()
    assert await asyncio.to_thread(run, arguments) == 1
    assert "CONVICTED" in capsys.readouterr().err
    (file,) = tmp_path.glob("fraud-*.json")
    assert file.stat().st_size <= LIMIT
    assert run(["verify", "--fraud", str(file), "--key", operator.vkey]) == 0
    assert "signed a falsehood" in capsys.readouterr().out
    other = Operator("placet.test/log/other").vkey
    assert run(["verify", "--fraud", str(file), "--key", other]) == 1


async def test_the_file_stays_small_in_a_log_of_a_hundred_million_entries(operator: Operator, new_client: Any) -> None:
    """The longest proofs of a tree of 2**27 entries and 2**24 bases, put into a real fraud proof."""
    client = new_client()
    await client.withdraw_consent(CONSENT)
    operator.hide()
    (checked,) = await client.check_receipts()
    fraud = parse_fraud(checked.fraud)

    def longest(proven: ProvenEntry) -> ProvenEntry:
        return ProvenEntry(index=2**27 - 1, entry=proven.entry, proof=(bytes(32),) * 27)

    assert fraud.status is not None
    big = replace(
        fraud,
        receipt=replace(fraud.receipt, withdraw=longest(fraud.receipt.withdraw)),
        state=longest(fraud.state),
        consistency=(bytes(32),) * 28,
        status=replace(fraud.status, proof=(bytes(32),) * 24),
    )
    assert len(format_evidence(big).encode()) <= LIMIT
