"""Where a template could be found: in no file, message or log, before its destruction (encrypted) and after (gone)."""

import logging
from pathlib import Path

import pytest
from integration.kit_bus.nats_process import Nats
from integration.vault.world import Floats, World, face, traces_of

from placet.evidence.terms import BasisOrdinal, Micros
from placet.kit.errors import PlacetError
from placet.vault import store as store_module
from placet.vault.handlers.destroy import bases_ended
from placet.vault.model import BasesEnded, DestroyReason
from placet.vault.tables import DataKeyRow, TemplateRow

CANARY = face(4711)


def found(world: World, wanted: dict[str, bytes], *more: bytes) -> list[tuple[str, str]]:
    """Return (file, what) for every trace in the vault's files, the broker's files, the ledger, and `more`."""
    everything = {
        **world.files(),
        **{f"nats/{path.name}": path.read_bytes() for path in nats_files(world)},
        "ledger": b"\n".join(world.ledger.log("bank").entries),
        "more": b"\n".join(more),
    }
    return [(file, what) for file, data in everything.items() for what, trace in wanted.items() if trace in data]


def nats_files(world: World) -> list[Path]:
    return [path for path in Path(world.broker_directory).rglob("*") if path.is_file()]


async def used(world: World, values: Floats) -> BasisOrdinal:
    """Enrol, compare well and badly, fail in some ways, with everything logged."""
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, values)
    await world.match("bank", basis, values)
    await world.match("bank", basis, face(1))
    for permit in ("no.such.permit", world.permit("bank", basis, "enrol")):
        with pytest.raises(PlacetError):
            await world.run_match(world.command("bank", permit, values))
    await world.until(lambda: len(world.ledger.outcomes("bank")) == 3)
    return basis


async def withdrawn(world: World, basis: BasisOrdinal) -> None:
    world.ledger.withdraw("bank", basis)
    told = BasesEnded(id="m", controller="bank", bases=(basis,), reason=DestroyReason.CONSENT_WITHDRAWN)
    await bases_ended(told, store=world.store, now=Micros(world.clock()))
    await world.until(lambda: world.ledger.destroyed("bank"))


@pytest.fixture
def broker(world: World, nats: Nats) -> World:
    world.broker_directory = nats._directory
    return world


async def test_the_canary_is_found_nowhere(broker: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = traces_of(CANARY)
    basis = await used(broker, CANARY)
    assert found(broker, wanted, caplog.text.encode()) == []
    (template,), (key,) = await broker.rows(TemplateRow), await broker.rows(DataKeyRow)
    encrypted = {"ciphertext": template.blob[16:48], "wrapped key": key.blob[:32]}
    assert {what for _, what in found(broker, encrypted)} == {"ciphertext", "wrapped key"}  # the search does find
    await withdrawn(broker, basis)
    assert found(broker, wanted | encrypted, caplog.text.encode()) == []
    await broker.restart()
    assert found(broker, wanted | encrypted, caplog.text.encode()) == []


async def test_without_scrubbing_the_write_ahead_log_would_keep_it(
    broker: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Negative control: what SQLite keeps of deleted rows, and that the next start removes it.
    monkeypatch.setattr(store_module, "scrub", lambda engine: True)
    basis = await used(broker, CANARY)
    (template,) = await broker.rows(TemplateRow)
    encrypted = {"ciphertext": template.blob[16:48]}
    await withdrawn(broker, basis)
    assert ("vault.db-wal", "ciphertext") in found(broker, encrypted)


async def test_what_a_crash_left_in_the_write_ahead_log_is_gone_after_the_next_start(
    broker: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "scrub", lambda engine: True)
    basis = await used(broker, CANARY)
    (template,) = await broker.rows(TemplateRow)
    encrypted = {"ciphertext": template.blob[16:48]}
    await withdrawn(broker, basis)
    left = broker.files()
    monkeypatch.undo()
    await broker.crash()
    for name, data in left.items():  # closing tidies up; put back what a kill would have left
        (broker.directory / name).write_bytes(data)
    assert found(broker, encrypted)
    await broker.start()
    assert found(broker, encrypted) == []


async def test_a_template_in_the_clear_would_be_found(broker: World) -> None:
    # Negative control: a vector written anywhere in the directory is seen in each of its forms.
    for what, trace in traces_of(CANARY).items():
        path = broker.directory / "leak"
        path.write_bytes(b"xx" + trace + b"yy")
        assert (("leak", what)) in found(broker, traces_of(CANARY))
        path.unlink()


async def test_a_replaced_template_is_gone_too(broker: World) -> None:
    basis = broker.ledger.grant("bank")
    await broker.enrol("bank", basis, CANARY)
    (old,) = await broker.rows(TemplateRow)
    await broker.enrol("bank", basis, face(2))
    await broker.store.scrub()  # as the app does every second
    assert found(broker, {"ciphertext": old.blob[16:48]}) == []
    (new,) = await broker.rows(TemplateRow)
    assert found(broker, {"ciphertext": new.blob[16:48]})
