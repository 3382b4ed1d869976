"""What NATS forbids a service: typed at once, counted and logged, never a silent timeout (promises.md)."""

import asyncio
import logging
import os
import time
from pathlib import Path

import nkeys
import pytest
from integration.kit_bus.conftest import MakeBus, unix_us
from integration.kit_bus.nats_process import Nats

from placet.evidence.drafts import OutcomeDraft
from placet.evidence.terms import LeafIndex
from placet.kit.bus.bus import Credentials
from placet.kit.bus.errors import BusForbidden, BusRefused, NoResponders
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.serving import Request
from placet.kit.errors import PlacetError, Unavailable
from placet.kit.ledger.client import LedgerClient
from placet.kit.ledger.messages import submission

SECOND = 1_000_000


def seed_file(directory: Path, name: str) -> tuple[Path, str]:
    """Make a fresh nkey; return the file of its seed and the public key."""
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    path = directory / f"{name}.nk"
    path.write_bytes(seed)
    return path, nkeys.from_seed(bytearray(seed)).public_key.decode()


def user(key: str, publish: str, subscribe: str) -> str:
    return (
        f"{{ nkey: {key}, permissions: {{ publish: [{publish}], subscribe: [{subscribe}], allow_responses: true }} }}"
    )


@pytest.fixture
def seeds(nats: Nats, tmp_path: Path) -> dict[str, Path]:
    """A server that knows permission and audit, with only the subjects they need; `stranger` is unknown to it."""
    paths = {}
    users = []
    for name, publish, subscribe in (
        ("permission", '"placet.*.append.permission"', '"_INBOX_permission.>"'),
        ("audit", '"$JS.API.>"', '"placet.*.append.*", "_INBOX_audit.>"'),
    ):
        paths[name], key = seed_file(tmp_path, name)
        users.append(user(key, publish, subscribe))
    paths["stranger"], _ = seed_file(tmp_path, "stranger")
    nats.stop()
    nats.configure(f"authorization {{ users: [{', '.join(users)}] }}")
    nats.start()
    return paths


async def echo(request: Request) -> bytes:
    return request.payload


async def test_what_is_allowed_works(make_bus: MakeBus, seeds: dict[str, Path]) -> None:
    asking = await make_bus("permission", credentials=Credentials(seed_file=seeds["permission"]))
    answering = await make_bus("audit", credentials=Credentials(seed_file=seeds["audit"]))
    await answering.serve("placet.*.append.*", echo, queue="audit")
    assert await asking.request("placet.bank.append.permission", b"1", unix_us() + SECOND) == b"1"


@pytest.mark.parametrize("subject", ["placet.bank.append.consent", "$JS.API.STREAM.DELETE.PLACET"])
async def test_a_forbidden_request_fails_at_once_and_by_name(
    make_bus: MakeBus, seeds: dict[str, Path], subject: str, caplog: pytest.LogCaptureFixture
) -> None:
    bus = await make_bus("permission", credentials=Credentials(seed_file=seeds["permission"]))
    began = time.monotonic()
    with caplog.at_level(logging.ERROR), pytest.raises(BusForbidden, match="credentials") as forbidden:
        await bus.request(subject, b"", unix_us() + 20 * SECOND)
    assert time.monotonic() - began < 1
    assert forbidden.value.metadata == {"subject": subject}
    assert bus.metrics.snapshot()["placet.bus.violations"][("verb", "publish"),] == 1
    assert any("forbids" in record.message for record in caplog.records)


async def test_an_append_that_our_credentials_forbid_is_unavailable_not_the_callers_fault(
    make_bus: MakeBus, seeds: dict[str, Path]
) -> None:
    bus = await make_bus("permission", credentials=Credentials(seed_file=seeds["permission"]))
    entry = submission(OutcomeDraft(of=LeafIndex(1), result="x"), key=b"k")
    with pytest.raises(Unavailable, match="nothing was appended"):
        await LedgerClient(bus, "vault").append("bank", [entry], deadline=unix_us() + 20 * SECOND)


async def test_a_violation_does_not_touch_other_requests(make_bus: MakeBus, seeds: dict[str, Path]) -> None:
    asking = await make_bus("permission", credentials=Credentials(seed_file=seeds["permission"]))
    answering = await make_bus("audit", credentials=Credentials(seed_file=seeds["audit"]))

    async def slow(request: Request) -> bytes:
        await asyncio.sleep(0.3)
        return request.payload

    await answering.serve("placet.*.append.*", slow, queue="audit")
    good = asyncio.create_task(asking.request("placet.bank.append.permission", b"1", unix_us() + 5 * SECOND))
    await asyncio.sleep(0.05)
    with pytest.raises(BusForbidden):
        await asking.request("placet.bank.append.consent", b"", unix_us() + 5 * SECOND)
    assert await good == b"1"


async def test_a_forbidden_subscription_is_refused(make_bus: MakeBus, seeds: dict[str, Path]) -> None:
    bus = await make_bus("permission", credentials=Credentials(seed_file=seeds["permission"]))
    with pytest.raises(BusForbidden, match="subscribe"):
        await bus.serve("placet.*.append.*", echo, queue="audit")
    assert not bus._servings


async def test_nobody_hears_the_answers_of_another_service(make_bus: MakeBus, seeds: dict[str, Path]) -> None:
    bus = await make_bus("permission", credentials=Credentials(seed_file=seeds["permission"]))
    with pytest.raises(BusForbidden):
        await bus.serve("_INBOX_audit.>", echo)


async def test_a_service_under_another_name_may_not_even_connect(make_bus: MakeBus, seeds: dict[str, Path]) -> None:
    with pytest.raises(BusForbidden):
        await make_bus("vault", credentials=Credentials(seed_file=seeds["permission"]))


async def test_unknown_credentials_are_refused_at_once(make_bus: MakeBus, seeds: dict[str, Path]) -> None:
    began = time.monotonic()
    with pytest.raises(BusRefused, match="refused the credentials"):
        await make_bus("permission", credentials=Credentials(seed_file=seeds["stranger"]), connect_within=20)
    with pytest.raises(BusRefused):
        await make_bus("permission", connect_within=20)
    assert time.monotonic() - began < 5


async def test_publishing_to_a_stream_without_permission_says_so(make_bus: MakeBus, seeds: dict[str, Path]) -> None:
    bus = await make_bus("permission", credentials=Credentials(seed_file=seeds["permission"]))
    with pytest.raises(BusForbidden):
        await JetStream(bus).publish(
            "placet.msg.bank.permission.x", b"{}", message_id="1", deadline=unix_us() + 5 * SECOND
        )


async def test_permissions_corrected_while_running_work_after_the_reconnect(
    nats: Nats, make_bus: MakeBus, seeds: dict[str, Path]
) -> None:
    bus = await make_bus("permission", credentials=Credentials(seed_file=seeds["permission"]))
    with pytest.raises(BusForbidden):
        await bus.request("placet.bank.append.consent", b"", unix_us() + 5 * SECOND)
    nats.stop()
    nats.configure("")
    nats.start()
    answer: Exception | None = None
    end = time.monotonic() + 10
    while not isinstance(answer, NoResponders) and time.monotonic() < end:
        await asyncio.sleep(0.02)
        try:
            await bus.request("placet.bank.append.consent", b"", unix_us() + 5 * SECOND)
        except PlacetError as error:
            answer = error
    assert isinstance(answer, NoResponders)


async def test_control_stock_nats_py_only_times_out(nats: Nats, seeds: dict[str, Path]) -> None:
    """The negative control: nats-py alone lets the caller wait for its whole timeout and does not say why."""
    import nats as nats_py

    async def quiet(_: Exception) -> None: ...

    stock = await nats_py.connect(
        nats.url, nkeys_seed=str(seeds["permission"]), inbox_prefix="_INBOX_permission", error_cb=quiet
    )
    with pytest.raises(nats_py.errors.TimeoutError):
        await stock.request("placet.bank.append.consent", b"", timeout=0.5)
    await stock.close()
