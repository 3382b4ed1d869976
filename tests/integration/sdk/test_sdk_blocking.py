"""The blocking client against a mesh in a process of its own: the same answers, from any number of threads."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from integration.sdk.conftest import ASK

from placet.sdk import Client, Config, Denied, FaceEvent, Invalid, SubjectReferences, Targets
from placet.sdk.blocking import LoopThread

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config() -> Iterator[Config]:
    with subprocess.Popen(
        [sys.executable, "-m", "integration.sdk.little_mesh"],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address, vkey = process.stdout.readline().split()
        yield Config(
            controller="shop",
            targets=Targets(consent=address, permission=address, vault=address, audit=address),
            token="one.two.three",
            log_vkey=vkey,
            references=SubjectReferences(b"k" * 32),
        )
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def client(config: Config) -> Iterator[Client]:
    with Client(config) as made:
        yield made


def test_a_call_and_its_errors(client: Client) -> None:
    assert client.authorize(**ASK).allowed
    with pytest.raises(Invalid):
        client.authorize(**{**ASK, "device": "!"})
    assert client.checkpoint().size == client._client._session.trust.head.size
    assert client.checkpoint_held
    assert client.controller == "shop"


def test_many_threads_share_messages(client: Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        decisions = list(pool.map(lambda _: client.authorize(**ASK), range(200)))
    assert all(decision.allowed for decision in decisions)
    assert len({decision.index for decision in decisions}) == 200
    assert client._client._session.trust.signatures_checked < 200


def test_iterators_and_context_managers(client: Client) -> None:
    found = list(client.authorize_stream(FaceEvent(**ASK) for _ in range(300)))
    assert len(found) == 300
    stream = client.authorize_stream(FaceEvent(**ASK) for _ in range(300))
    next(stream)
    stream.close()  # an iterator that is left early closes its stream
    with client.permit(**ASK) as permitted:
        assert permitted.allowed
    with pytest.raises(ZeroDivisionError), client.permit(**ASK):
        raise ZeroDivisionError


def test_denied_comes_through(client: Client) -> None:
    assert issubclass(Denied, Exception)
    with client.permit(**ASK, raise_denied=False) as permitted:
        assert permitted.allowed


def test_all_clients_share_one_thread_and_refuse_to_be_called_from_it(client: Client, config: Config) -> None:
    with Client(config) as other:
        assert other._thread is client._thread is LoopThread.shared()

        async def inside() -> None:
            other.authorize(**ASK)

        with pytest.raises(RuntimeError, match="AsyncClient"):
            other._thread.run(inside())
