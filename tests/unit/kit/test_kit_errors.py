"""The error type: its table, its round trip over a status, and that every reason used anywhere is documented."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_status import rpc_status
from hypothesis import given
from hypothesis import strategies as st

from placet.api.common.v1.errors_pb2 import ErrorReason
from placet.kit import errors
from placet.kit.errors import Exhausted, Invalid, Kind, PlacetError, Unavailable, error_of
from placet.kit.grpc.status import from_rpc_error, to_status

ROOT = Path(__file__).parents[3]
SOURCES = ("services", "gateway", "deploy")
REASONS = {name.removeprefix("ERROR_REASON_"): number for name, number in ErrorReason.items()}
# The ranges of errors.proto: which kind a reason may be used with.
RANGES: dict[Kind, range] = {
    Kind.INVALID: range(1, 20),
    Kind.UNAUTHENTICATED: range(20, 40),
    Kind.DENIED: range(40, 60),
    Kind.NOT_FOUND: range(60, 80),
    Kind.ALREADY_EXISTS: range(60, 80),
    Kind.PRECONDITION: range(80, 110),
    Kind.CONFLICT: range(110, 120),
    Kind.EXHAUSTED: range(120, 140),
    Kind.UNAVAILABLE: range(140, 160),
    Kind.CORRUPT: range(160, 180),
    Kind.INTERNAL: range(180, 190),
    Kind.NOT_SERVED: range(190, 200),
}
CLASSES = {
    "Invalid": Kind.INVALID,
    "Unauthenticated": Kind.UNAUTHENTICATED,
    "Denied": Kind.DENIED,
    "NotFound": Kind.NOT_FOUND,
    "AlreadyExists": Kind.ALREADY_EXISTS,
    "Precondition": Kind.PRECONDITION,
    "Conflict": Kind.CONFLICT,
    "Exhausted": Kind.EXHAUSTED,
    "Unavailable": Kind.UNAVAILABLE,
    "Corrupt": Kind.CORRUPT,
}


class Call(grpc.RpcError, grpc.Call):
    """A failed call as the client's side of grpc shows it."""

    def __init__(self, status: object) -> None:
        self.status = status

    def code(self) -> grpc.StatusCode:
        return self.status.code

    def details(self) -> str:
        return self.status.details

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return self.status.trailing_metadata

    initial_metadata = add_callback = cancel = is_active = time_remaining = None


def reasons_in(tree: ast.AST) -> Iterator[tuple[str, Kind | None, int]]:
    """Every literal reason given to an error class: (reason, kind when the class tells it, line)."""
    own = dict(CLASSES)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = [own[base_name(base)] for base in node.bases if base_name(base) in own]
            if bases:
                own[node.name] = bases[0]
                yield from ((reason, bases[0], line) for reason, line in super_reasons(node, bases[0]))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = base_name(node.func)
            if name in CLASSES:
                yield from ((reason, CLASSES[name], line) for reason, line in literals(node, CLASSES[name]))
            elif name in ("PlacetError", "error_of") and len(node.args) > 1:
                yield from ((reason, None, line) for reason, line in text(node.args[1]))
            yield from ((r, None, line) for k in node.keywords if k.arg == "reason" for r, line in shouted(k.value))


def super_reasons(node: ast.ClassDef, kind: Kind) -> Iterator[tuple[str, int]]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "__init__":
            yield from literals(call, kind)


def literals(call: ast.Call, kind: Kind) -> Iterator[tuple[str, int]]:
    if kind not in (Kind.INVALID, Kind.NOT_FOUND, Kind.ALREADY_EXISTS) and call.args:
        yield from text(call.args[0])
    for keyword in call.keywords:
        if keyword.arg == "reason":
            yield from text(keyword.value)


def text(node: ast.expr) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, node.lineno


def shouted(node: ast.expr) -> Iterator[tuple[str, int]]:
    yield from (found for found in text(node) if found[0].isupper() and found[0] not in REASONS and "_" in found[0])


def base_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def complaints(source: str, where: str) -> list[str]:
    found = []
    for reason, kind, line in reasons_in(ast.parse(source)):
        if reason not in REASONS:
            found.append(f"{where}:{line}: {reason} is not in errors.proto")
        elif kind is not None and REASONS[reason] not in RANGES[kind]:
            found.append(f"{where}:{line}: {reason} is not a reason of kind {kind}")
    return found


def test_every_reason_in_the_source_is_in_the_proto() -> None:
    files = [file for folder in SOURCES for file in (ROOT / folder).rglob("placet/**/*.py")]
    assert any(file.name == "guard.py" for file in files)
    found = [line for file in files for line in complaints(file.read_text(), str(file.relative_to(ROOT)))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        'raise Denied("NO_SUCH_REASON", "x")',
        'raise errors.Invalid("f", "x", reason="NO_SUCH_REASON")',
        'raise PlacetError(Kind.DENIED, "NO_SUCH_REASON", "x")',
        'raise Denied("QUEUE_FULL", "a reason of another kind")',
        'class Mine(Denied):\n  def __init__(self):\n    super().__init__("NO_SUCH_REASON", "x")',
        'class Mine(errors.NotFound):\n  def __init__(self):\n    super().__init__("x", reason="ROLE_MISSING")',
    ],
)
def test_the_scan_finds_wrong_reasons(source: str) -> None:
    assert complaints(source, "x.py")


def test_every_range_of_the_proto_has_a_kind() -> None:
    covered = {number for numbers in RANGES.values() for number in numbers}
    assert {number for name, number in REASONS.items() if name != "UNSPECIFIED"} <= covered


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_code_a_status_and_a_class(kind: Kind) -> None:
    assert kind.grpc_code in grpc.StatusCode.__members__
    assert 400 <= kind.http_status < 600
    assert error_of(kind, "INTERNAL", "x").kind is kind


def test_kinds_have_distinct_codes() -> None:
    assert len({kind.grpc_code for kind in Kind}) == len(Kind)


def test_style_table() -> None:
    table = {kind: (kind.grpc_code, kind.http_status) for kind in Kind}
    assert table[Kind.PRECONDITION] == ("FAILED_PRECONDITION", 409)
    assert table[Kind.CONFLICT] == ("ABORTED", 409)
    assert table[Kind.EXHAUSTED] == ("RESOURCE_EXHAUSTED", 429)
    assert table[Kind.CORRUPT] == ("DATA_LOSS", 500)


TEXTS = st.text(max_size=60)


@given(
    kind=st.sampled_from(list(Kind)),
    reason=st.sampled_from(sorted(REASONS)),
    message=TEXTS.filter(bool),
    field=st.none() | st.text(min_size=1, max_size=50),
    metadata=st.dictionaries(st.text(min_size=1, max_size=20).filter(lambda k: k != "field"), TEXTS, max_size=5),
    retry_after=st.none() | st.integers(0, 10**9).map(lambda us: us / 1e6),
)
def test_an_error_survives_the_wire(kind, reason, message, field, metadata, retry_after) -> None:
    error = PlacetError(kind, reason, message, field=field, metadata=metadata, retry_after=retry_after)
    back = from_rpc_error(Call(to_status(error)))
    assert (back.kind, back.reason, back.message, back.field) == (kind, reason, message, field)
    assert back.metadata == metadata
    assert back.retry_after == pytest.approx(retry_after)


def test_it_comes_back_as_the_class_of_its_kind() -> None:
    assert isinstance(from_rpc_error(Call(to_status(Unavailable("QUEUE_FULL", "x")))), Unavailable)


def test_the_official_library_reads_our_status() -> None:
    status = rpc_status.from_call(Call(to_status(Exhausted("QUEUE_FULL", "full", retry_after=2))))
    assert status.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert len(status.details) == 2


def test_texts_are_cut_to_what_a_trailer_can_hold() -> None:
    error = Invalid("x" * 9_000, "面" * 9_000, metadata={str(n): "脸" * 9_000 for n in range(99)})
    status = to_status(error)
    [(_, trailer)] = status.trailing_metadata
    assert len(trailer) * 4 / 3 + len(status.details.encode()) * 3 < 7_000
    assert from_rpc_error(Call(status)).field == "x" * 256


def test_text_that_is_no_unicode_does_not_break_the_status() -> None:
    assert to_status(Invalid("f", "lone \ud800 surrogate")).details == "lone ? surrogate"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, Kind.UNAVAILABLE),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Kind.UNAVAILABLE),
        (grpc.StatusCode.UNIMPLEMENTED, Kind.NOT_SERVED),
        (grpc.StatusCode.UNKNOWN, Kind.INTERNAL),
    ],
)
def test_bare_statuses(code: grpc.StatusCode, kind: Kind) -> None:
    class Bare:
        details = "no details"
        trailing_metadata = (("grpc-status-details-bin", b"\xff garbage"),)

    Bare.code = code
    error = from_rpc_error(Call(Bare))
    assert error.kind is kind
    assert error.reason in REASONS


def test_pure_modules_do_not_load_grpc() -> None:
    """Models and handlers may import these; loading grpc.status, the control, does load grpc."""
    for module, loads in (("placet.kit.errors", 0), ("placet.kit.grpc.caller", 0), ("placet.kit.grpc.status", 1)):
        code = f"import sys, {module}; sys.exit(int('grpc' in sys.modules))"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == loads, module


def test_errors_module_is_pure() -> None:
    tree = ast.parse(Path(errors.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"collections.abc", "enum"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
