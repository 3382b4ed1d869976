"""With each service's credentials: what it must do works, everything else is refused by the NATS server.

What is allowed stands here once more, by hand: a right added to permissions.yaml without a reason fails these tests.
"""

import asyncio
import importlib
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import nkeys
import pytest
import pytest_asyncio
from nats.errors import Error as NatsError

from placet.kit.bus.bus import Bus, Credentials
from placet.kit.bus.consumer import Consumer
from placet.kit.bus.errors import AnswerLate, BusForbidden, BusRefused, NoResponders
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.messages import Message
from placet.kit.bus.serving import Request
from placet.kit.errors import PlacetError
from placet.local.nats_server import NatsServer
from placet.local.permissions import load
from placet.local.ports import assign

SERVICES = ("audit", "consent", "permission", "vault", "gateway", "admin")
C = "placet.bank"
JS = "$JS.API"
INFO = f"{JS}.STREAM.INFO.PLACET"

MAY_PUBLISH = {
    "audit": {"placet.msg.bank.audit.checkpoint_published", INFO},
    "consent": {
        f"{C}.append.consent", f"{C}.audit.info", f"{C}.vault.stock", "placet.msg.bank.consent.withdrawn",
        f"{JS}.CONSUMER.INFO.PLACET.consent", f"{JS}.CONSUMER.MSG.NEXT.PLACET.consent",
        "$JS.ACK.PLACET.consent.1.1.1.1.0", "placet.dead.consent.bank.x", INFO,
    },
    "permission": {
        f"{C}.append.permission", f"{C}.audit.info", f"{C}.consent.lookup", f"{C}.consent.count",
        "placet.msg.bank.permission.revoked",
        f"{JS}.CONSUMER.INFO.PLACET.permission", f"{JS}.CONSUMER.MSG.NEXT.PLACET.permission",
        "$JS.ACK.PLACET.permission.1.1.1.1.0", "placet.dead.permission.bank.x", INFO,
    },
    "vault": {
        f"{C}.append.vault", f"{C}.audit.info", f"{C}.permission.keys", "placet.msg.bank.vault.template_destroyed",
        f"{JS}.CONSUMER.INFO.PLACET.vault", f"{JS}.CONSUMER.MSG.NEXT.PLACET.vault",
        "$JS.ACK.PLACET.vault.1.1.1.1.0", "placet.dead.vault.bank.x", INFO,
    },
    "gateway": set(),
    "admin": {
        INFO, f"{JS}.STREAM.CREATE.PLACET", f"{JS}.STREAM.INFO.PLACET_DEAD",
        f"{JS}.STREAM.CREATE.PLACET_DEAD", f"{JS}.CONSUMER.CREATE.PLACET.consent",
        f"{JS}.CONSUMER.CREATE.PLACET.permission", f"{JS}.CONSUMER.CREATE.PLACET.vault",
        f"{JS}.CONSUMER.INFO.PLACET.consent", f"{JS}.CONSUMER.INFO.PLACET.permission",
        f"{JS}.CONSUMER.INFO.PLACET.vault",
    },
}  # fmt: skip
MAY_SUBSCRIBE = {
    "audit": {f"{C}.append.*", "placet.*.append.*", f"{C}.audit.info"},
    "consent": {f"{C}.consent.lookup", f"{C}.consent.count"},
    "permission": {f"{C}.permission.keys"},
    "vault": {f"{C}.vault.stock"},
    "gateway": set[str](),
    "admin": set[str](),
}
NOBODY_MAY_PUBLISH = {
    f"{JS}.STREAM.DELETE.PLACET", f"{JS}.STREAM.PURGE.PLACET", f"{JS}.STREAM.UPDATE.PLACET",
    f"{JS}.STREAM.MSG.DELETE.PLACET", f"{JS}.STREAM.MSG.GET.PLACET", f"{JS}.STREAM.DELETE.PLACET_DEAD",
    f"{JS}.STREAM.CREATE.OTHER", f"{JS}.STREAM.NAMES", f"{JS}.DIRECT.GET.PLACET",
    f"{JS}.CONSUMER.DELETE.PLACET.vault", f"{JS}.CONSUMER.DURABLE.CREATE.PLACET.vault", f"{JS}.CONSUMER.CREATE.PLACET",
    f"{JS}.CONSUMER.CREATE.PLACET.vault.placet.msg.>", "$SYS.REQ.SERVER.PING", "placet.bank", "anything",
}  # fmt: skip
NOBODY_MAY_SUBSCRIBE = {
    ">", "*", "placet.>", "placet.msg.>", "placet.dead.>", f"{C}.>", "_INBOX.>", "_INBOX_*.>", "$JS.>", "$SYS.>",
}  # fmt: skip


def every_publish() -> set[str]:
    return set().union(*MAY_PUBLISH.values(), NOBODY_MAY_PUBLISH, (f"_INBOX_{name}.a.r.1" for name in SERVICES))


def every_subscribe() -> set[str]:
    return set().union(*MAY_SUBSCRIBE.values(), NOBODY_MAY_SUBSCRIBE, (f"_INBOX_{name}.>" for name in SERVICES))


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path, assign(["nats"])["nats"], load())
    await server.start()
    yield server
    await server.stop()


def now() -> int:
    return time.time_ns() // 1_000


def bus_of(server: NatsServer, service: str, *, seed_of: str | None = None) -> Bus:
    credentials = Credentials(seed_file=server.seed_file(seed_of or service))
    return Bus(server.url, name=service, clock=now, random=secrets.token_bytes, credentials=credentials)


async def may_publish(bus: Bus, subject: str) -> bool:
    try:
        await bus.request(subject, b"", now() + 150_000)
    except BusForbidden:
        return False
    except (NoResponders, AnswerLate):
        return True
    return True


async def may_subscribe(bus: Bus, subject: str) -> bool:
    try:
        serving = await bus.serve(subject, silence)
    except BusForbidden:
        return False
    await serving.stop()
    return True


async def silence(_: Request) -> bytes:
    return b"heard"


@pytest.mark.parametrize("service", SERVICES)
async def test_each_service_publishes_what_it_must_and_nothing_else(server: NatsServer, service: str) -> None:
    async with bus_of(server, service) as bus:
        allowed = {subject for subject in sorted(every_publish()) if await may_publish(bus, subject)}
    assert allowed == MAY_PUBLISH[service]


@pytest.mark.parametrize("service", SERVICES)
async def test_each_service_subscribes_to_what_it_must_and_nothing_else(server: NatsServer, service: str) -> None:
    async with bus_of(server, service) as bus:
        allowed = {subject for subject in sorted(every_subscribe()) if await may_subscribe(bus, subject)}
    assert allowed == MAY_SUBSCRIBE[service] | {f"_INBOX_{service}.>"}


async def test_only_the_append_of_the_service_itself_reaches_audit(server: NatsServer) -> None:
    heard: list[str] = []

    async def append(request: Request) -> bytes:
        heard.append(request.subject)
        return b"appended"

    async with bus_of(server, "audit") as audit, bus_of(server, "consent") as consent, bus_of(server, "vault") as vault:
        await audit.serve("placet.*.append.*", append, queue="audit")
        assert await consent.request(f"{C}.append.consent", b"", now() + 2_000_000) == b"appended"
        with pytest.raises(BusForbidden):
            await vault.request(f"{C}.append.consent", b"", now() + 2_000_000)
        assert await vault.request(f"{C}.append.vault", b"", now() + 2_000_000) == b"appended"
    assert heard == [f"{C}.append.consent", f"{C}.append.vault"]


async def test_an_answer_may_be_given_once_and_only_to_who_asked(server: NatsServer) -> None:
    async with bus_of(server, "audit") as audit, bus_of(server, "consent") as consent:
        heard: list[bytes] = []
        asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        audit.listen("placet.*.audit.info", lambda _s, reply, _d, _h: asked.set_result(reply.decode()))
        inbox = consent.inbox("mine")
        consent.listen(inbox, lambda _s, _r, data, _h: heard.append(data))
        await consent.require_allowed(inbox)
        await audit.require_allowed("placet.*.audit.info")

        assert not await may_publish(audit, inbox)  # it was not asked
        consent.publish(f"{C}.audit.info", b"", reply=inbox)
        reply = await asked
        audit.publish(reply, b"answer")
        audit.publish(reply, b"another")
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert heard == [b"answer"]


async def test_the_stream_survives_every_service_that_tries_to_delete_it(server: NatsServer) -> None:
    async with bus_of(server, "vault") as vault:
        stored = await JetStream(vault).publish(
            "placet.msg.bank.vault.template_destroyed", b"{}", message_id="1", deadline=now() + 2_000_000
        )
    for service in SERVICES:
        async with bus_of(server, service) as bus:
            for call in ("STREAM.DELETE.PLACET", "STREAM.PURGE.PLACET", "CONSUMER.DELETE.PLACET.vault"):
                with pytest.raises(BusForbidden):
                    await JetStream(bus).api(call, {})
    async with bus_of(server, "admin") as admin:
        found = await JetStream(admin).api("STREAM.INFO.PLACET", {})
    assert (found["state"]["messages"], found["state"]["last_seq"]) == (1, stored.seq)
    assert found["config"]["deny_delete"]
    assert found["config"]["deny_purge"]


async def test_a_consumer_hands_over_only_the_messages_of_its_filter(server: NatsServer) -> None:
    async with bus_of(server, "consent") as consent, bus_of(server, "vault") as vault:
        for kind in ("granted", "withdrawn"):
            await JetStream(consent).publish(
                f"placet.msg.bank.consent.{kind}", kind.encode(), message_id=kind, deadline=now() + 2_000_000
            )
        got: list[bytes] = []
        inbox = vault.inbox("c.vault")
        vault.listen(inbox, lambda _s, _r, data, _h: got.append(data))
        await vault.require_allowed(inbox)
        vault.publish(f"{JS}.CONSUMER.MSG.NEXT.PLACET.vault", b'{"batch":10,"expires":300000000}', reply=inbox)
        await asyncio.sleep(0.5)
    assert [data for data in got if data] == [b"withdrawn"]


@pytest.mark.parametrize("service", ["consent", "permission", "vault"])
async def test_the_consumer_a_service_asks_for_is_the_one_it_was_given(server: NatsServer, service: str) -> None:
    its = importlib.import_module(f"placet.{service}.consumer")
    async with bus_of(server, service) as bus:
        async with Consumer(JetStream(bus), its.DURABLE, its.FILTERS, ignore):
            pass
        with pytest.raises(BusForbidden):  # with other filters it would miss messages, silently
            await Consumer(JetStream(bus), its.DURABLE, [*its.FILTERS, "placet.msg.*.x.y"], ignore).start()


async def ignore(_: Message) -> None:
    pass


async def test_nobody_signs_in_without_a_key_of_this_start(server: NatsServer, tmp_path: Path) -> None:
    with pytest.raises(NatsError):
        await nats.connect(server.url, allow_reconnect=False, max_reconnect_attempts=1)
    other = tmp_path / "other.seed"
    other.write_bytes(nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER))
    stranger = Bus(
        server.url, name="audit", clock=now, random=secrets.token_bytes, credentials=Credentials(seed_file=other)
    )
    with pytest.raises(BusRefused):
        await stranger.connect()


async def test_keys_are_made_afresh_at_each_start_and_removed_at_the_end(server: NatsServer) -> None:
    seed = server.seed_file("vault")
    assert seed.stat().st_mode & 0o077 == 0
    old = seed.read_text()
    kept = seed.with_name("old.seed")
    kept.write_text(old)
    await server.stop()
    assert not seed.exists()
    await server.start()
    assert seed.read_text() != old
    with pytest.raises(PlacetError):
        await Bus(
            server.url, name="vault", clock=now, random=secrets.token_bytes, credentials=Credentials(seed_file=kept)
        ).connect()
    async with bus_of(server, "vault") as vault:
        assert vault.connected


async def test_an_inbox_of_its_own_does_not_open_with_anothers_credentials(server: NatsServer) -> None:
    with pytest.raises(BusForbidden):
        await bus_of(server, "consent", seed_of="vault").connect()
