"""The reader over HTTP against a little server: what is retried, what is told, and what is refused to begin with."""

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.kit_grpc.test_kit_tls import Authority

from placet.sdk.config import TokenFile
from placet.sdk.errors import ConfigError, Exhausted, Forbidden, NotFound, PlacetError, Unauthenticated, Unreachable
from placet.sdk.logtree import gateway
from placet.sdk.logtree.gateway import ATTEMPTS, GatewayTree


class Little(http.server.BaseHTTPRequestHandler):
    """Answers as it was told, one answer after the other, the last one for ever; notes what was asked."""

    protocol_version = "HTTP/1.1"
    answers: list[Any]
    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        cls = type(self)
        cls.asked.append((self.path, self.headers.get("authorization")))
        answer = cls.answers.pop(0) if len(cls.answers) > 1 else cls.answers[0]
        if answer == "drop":
            self.connection.close()
            self.close_connection = True
            return
        status, body, headers = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def ok(body: bytes = b"tile") -> Any:
    return (200, body, {})


def problem(status: int, reason: str, **headers: str) -> Any:
    body = json.dumps({"reason": reason, "detail": f"because of {reason}"}).encode()
    return (status, body, {"content-type": "application/problem+json", **headers})


@pytest.fixture
def server() -> Iterator[type[Little]]:
    class Told(Little):
        """One test's own."""

    Told.answers, Told.asked = [ok()], []

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Told)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    Told.running = running  # type: ignore[attr-defined]
    Told.url = f"http://127.0.0.1:{running.server_port}/log/bank"  # type: ignore[attr-defined]
    yield Told
    running.shutdown()
    running.server_close()


def tree(server: Any, slept: list[float] | None = None, **how: Any) -> GatewayTree:
    return GatewayTree(server.url, sleep=(slept if slept is not None else []).append, timeout=2, **how)


def test_resources_are_read_over_one_connection(server: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a.b.c\n")
    reader = tree(server, token=TokenFile(tmp_path / "token"))
    assert reader.read("checkpoint") == b"tile"
    assert reader.read("tile/0/x001/234.p/7") == b"tile"
    assert server.asked == [
        ("/log/bank/checkpoint", "Bearer a.b.c"),
        ("/log/bank/tile/0/x001/234.p/7", "Bearer a.b.c"),
    ]
    assert reader.name == server.url
    reader.close()
    reader.close()
    assert reader.read("checkpoint") == b"tile", "a closed one opens again"


def test_a_trailing_slash_and_no_token_are_fine(server: Any) -> None:
    assert GatewayTree(server.url + "/").read("checkpoint") == b"tile"
    assert GatewayTree(server.url, token="x.y.z").read("checkpoint") == b"tile"
    assert [header for _, header in server.asked] == [None, "Bearer x.y.z"]


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (401, "TOKEN_EXPIRED", Unauthenticated),
        (403, "ROLE_MISSING", Forbidden),
        (404, "NOT_FOUND", NotFound),
        (500, "INTERNAL", PlacetError),
    ],
)
def test_what_does_not_pass_by_itself_is_told_at_once(server: Any, status: int, reason: str, kind: Any) -> None:
    server.answers = [problem(status, reason)]
    with pytest.raises(kind) as caught:
        tree(server).read("checkpoint")
    assert caught.value.reason == reason
    assert f"because of {reason}" in str(caught.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer", ["drop", problem(503, "DEPENDENCY_UNAVAILABLE"), problem(429, "QUEUE_FULL"), (502, b"", {})]
)
def test_what_passes_is_asked_again(server: Any, answer: Any) -> None:
    slept: list[float] = []
    server.answers = [answer, answer, ok()]
    assert tree(server, slept).read("checkpoint") == b"tile"
    assert len(slept) == 2
    assert slept[0] < slept[1]


def test_the_servers_own_delay_is_kept_but_bounded(server: Any) -> None:
    slept: list[float] = []
    server.answers = [
        problem(503, "DEPENDENCY_UNAVAILABLE", **{"retry-after": "1"}),
        problem(503, "DEPENDENCY_UNAVAILABLE", **{"retry-after": "9999"}),
        ok(),
    ]
    assert tree(server, slept).read("checkpoint") == b"tile"
    assert slept == [1.0, 5.0]


@pytest.mark.parametrize(("answer", "kind"), [("drop", Unreachable), (problem(429, "QUEUE_FULL"), Exhausted)])
def test_after_a_few_attempts_it_is_told(server: Any, answer: Any, kind: Any) -> None:
    server.answers = [answer]
    with pytest.raises(kind):
        tree(server).read("checkpoint")
    assert len(server.asked) == ATTEMPTS


def test_answers_are_bounded(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MAX_BYTES", 10)
    server.answers = [ok(b"x" * 11)]
    with pytest.raises(PlacetError, match="larger than anything"):
        tree(server).read("checkpoint")


def test_redirects_are_not_followed(server: Any) -> None:
    server.answers = [(302, b"", {"location": "https://elsewhere.example/"})]
    with pytest.raises(PlacetError, match="redirects"):
        tree(server).read("checkpoint")
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}"])
def test_a_problem_that_is_none_is_told_by_its_status(server: Any, body: bytes) -> None:
    server.answers = [(404, body, {"content-type": "application/problem+json"})]
    with pytest.raises(NotFound) as caught:
        tree(server).read("checkpoint")
    assert caught.value.reason == "NOT_FOUND"


@pytest.mark.parametrize(
    "url",
    [
        "http://log.example/log/bank",
        "http://10.0.0.1/log/bank",
        "ftp://127.0.0.1/log",
        "https:///log",
        "https://user@log.example/log",
        "https://log.example/log?x=1",
        "https://log.example/log#x",
    ],
)
def test_addresses_that_would_leak_the_token_or_are_none_are_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GatewayTree(url, token="a.b.c")
    assert caught.value.field == "url"


def test_plain_text_to_this_machine_is_fine() -> None:
    for url in ("http://localhost:1/x", "http://[::1]:1/x", "http://127.0.0.1/x", "https://log.example/x"):
        assert GatewayTree(url).name == url


def test_https_trusts_the_given_authority_only(server: Any, tmp_path: Path) -> None:
    authority, stranger = Authority(), Authority()
    certificate, key, _ = authority.issue("server")
    (tmp_path / "server.pem").write_bytes(key + certificate)
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    (tmp_path / "stranger.pem").write_bytes(stranger.pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server.running.socket = context.wrap_socket(server.running.socket, server_side=True)
    url = f"https://localhost:{server.running.server_port}/log/bank"
    assert GatewayTree(url, ca=tmp_path / "ca.pem", timeout=2).read("checkpoint") == b"tile"
    for other in (tmp_path / "stranger.pem", None):
        with pytest.raises(Unreachable, match="certificate verify failed"):
            GatewayTree(url, ca=other, sleep=lambda _: None, timeout=2).read("checkpoint")
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError) as caught:
        GatewayTree(url, ca=tmp_path / "ca.pem")
    assert caught.value.field == "ca"
