"""Counting goes on until the vault has no more, and says so when the vault lost something or does not answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from fakes.consent_world import BANK, World

from placet.api.vault.v1 import stock_pb2
from placet.consent.consumer import CountHandler
from placet.consent.errors import Corrupt, PlacetError, Unavailable
from placet.consent.handlers import stock as handler
from placet.consent.model.vocabulary import BasisOrdinal, Controller, Instant
from placet.consent.policy.stock import Range, StockChange
from placet.consent.store.stock import SqlStock
from placet.consent.stored import BusStored
from placet.consent.wire import stock as wire
from placet.kit.bus.serving import Request


@dataclass
class Vault:
    """`ports.Stored` over a list."""

    run: list[StockChange] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)

    async def changes(
        self, controller: Controller, *, after: int, limit: int, deadline: Instant
    ) -> tuple[Sequence[StockChange], int]:
        self.asked.append(after)
        return self.run[after : after + limit], len(self.run)

    def put(self, basis: int, *, stored: bool = True, at: Instant) -> None:
        self.run.append(StockChange(number=len(self.run) + 1, basis=BasisOrdinal(basis), stored=stored, at=at))


async def count(world: World, vault: Vault) -> Range:
    now = Instant(world.now)
    found = await handler.stock(BANK, store=SqlStock(world.store.database), vault=vault, now=now, deadline=now)
    return found.stored


async def test_it_goes_on_page_by_page_and_only_from_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "PAGE", 2)
    vault, at = Vault(), Instant(world.now)
    given = [await world.capture(name) for name in ("alice", "bob", "carol")]
    for one in given:
        vault.put(one.consent.basis or 0, at=at)
    assert await count(world, vault) == Range(low=3, high=3)
    assert vault.asked == [0, 2]
    vault.put(given[0].consent.basis or 0, stored=False, at=at)
    assert await count(world, vault) == Range(low=2, high=2)
    assert vault.asked == [0, 2, 3]
    assert await count(world, vault) == Range(low=2, high=2)


async def test_a_template_counts_as_long_as_it_is_stored_whatever_became_of_the_consent(world: World) -> None:
    vault, at = Vault(), Instant(world.now)
    given = await world.capture("alice")
    vault.put(given.consent.basis or 0, at=at)
    await world.withdraw(given.consent.id)
    assert await count(world, vault) == Range(low=1, high=1)
    vault.put(given.consent.basis or 0, stored=False, at=at)
    assert await count(world, vault) == Range(low=0, high=0)


async def test_legal_permissions_make_a_range(world: World) -> None:
    vault, at = Vault(), Instant(world.now)
    given = await world.capture("alice")
    vault.put(given.consent.basis or 0, at=at)
    vault.put(99, at=at)  # no consent has this basis
    vault.put(98, at=at)
    assert await count(world, vault) == Range(low=1, high=3)


async def test_a_vault_that_lost_changes_is_found_out(world: World) -> None:
    vault = Vault()
    vault.put(5, at=Instant(world.now))
    await count(world, vault)
    vault.run.clear()
    with pytest.raises(Corrupt, match="lost some"):
        await count(world, vault)


async def test_it_answers_for_the_controller_of_the_subject_only(world: World) -> None:
    answer = CountHandler(SqlStock(world.store.database), Vault(), clock=lambda: world.now)
    question = b"\x0a\x04bank"
    assert await answer(Request("placet.bank.consent.count", question)) == b"\x0a\x00"
    for subject, payload in (("placet.retailer.consent.count", question), ("placet.bank.consent.count", b"\xff")):
        with pytest.raises(PlacetError) as caught:
            await answer(Request(subject, payload))
        assert caught.value.kind.value == "invalid"


class Bus:
    """A bus on which nobody answers, or somebody answers rubbish."""

    def __init__(self, error: PlacetError | None) -> None:
        self.error = error

    async def request(self, subject: str, payload: bytes, deadline: int) -> bytes:
        assert subject == "placet.bank.vault.stock"
        assert stock_pb2.StockRequest.FromString(payload).controller == "bank"
        if self.error is not None:
            raise self.error
        return b"\xff"


async def test_silence_is_no_zero() -> None:
    for error, kind in (
        (Unavailable("BUS_UNAVAILABLE", "x"), "unavailable"),
        (Corrupt("STORAGE_CORRUPT", "x"), "corrupt"),
        (None, "unavailable"),
    ):
        with pytest.raises(PlacetError) as caught:
            await BusStored(Bus(error)).changes(BANK, after=0, limit=1, deadline=Instant(1))  # type: ignore[arg-type]
        assert caught.value.kind.value == kind


def test_what_the_vault_answers_is_what_is_counted() -> None:
    change = stock_pb2.StockChange(number=1, basis=4, stored=True, at=7)
    told, last = wire.changes(stock_pb2.StockResponse(changes=[change], last=9).SerializeToString())
    assert (list(told), last) == ([StockChange(number=1, basis=BasisOrdinal(4), stored=True, at=Instant(7))], 9)
