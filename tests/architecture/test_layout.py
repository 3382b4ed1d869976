"""How the code is laid out: namespace, file names, sizes, docstrings, and what every service has."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from architecture.workspace import ROOT, module_of, parsed, shown, sources

FILE_LINES = 350
BODY_LINES = 50
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
SERVICES = ("audit", "consent", "permission", "vault")
PARTS = (
    "errors",
    "model",
    "policy",
    "ports",
    "handlers",
    "wire",
    "servicer",
    "tables",
    "store",
    "consumer",
    "app",
    "settings",
    "__main__",
)
# Where a service does without one of the parts, and why.
WITHOUT = {("audit", "handlers"): "its use cases are the sequencer and the readers, each a module of its own"}


def bodies(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file with the length of its body in lines: a long list of keywords is no long function."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            assert node.end_lineno is not None
            yield f"{shown(path)}:{node.lineno} {node.name}", node.end_lineno - body[0].lineno + 1 if body else 0


def service_folder(service: str) -> Path:
    return ROOT / "services" / service / "placet" / service


def test_the_sources_are_found() -> None:
    assert len(sources()) > 200
    assert {module_of(path).split(".")[1] for path in sources()} >= {"tlog", "evidence", "sdk", "kit", *SERVICES}


def test_placet_is_a_namespace_that_nobody_owns() -> None:
    owners = [shown(path) for path in ROOT.glob("*/placet/__init__.py")]
    owners += [shown(path) for path in ROOT.glob("*/*/placet/__init__.py")]
    assert owners == []


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in sources() if path.parent.name != "placet"}
    assert [shown(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_file_is_long() -> None:
    long = {shown(path): len(path.read_text().splitlines()) for path in sources()}
    assert {name: lines for name, lines in long.items() if lines > FILE_LINES} == {}


def test_no_function_is_long() -> None:
    long = {name: lines for path in sources() for name, lines in bodies(path) if lines > BODY_LINES}
    assert long == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [shown(path) for path in sources() if FORBIDDEN & set(module_of(path).split("."))] == []


def test_every_module_says_what_it_is() -> None:
    silent = [shown(path) for path in sources() if path.read_text().strip() and not ast.get_docstring(parsed(path))]
    assert silent == []


def test_every_public_class_says_what_it_is() -> None:
    silent = [
        f"{shown(path)}:{node.lineno} {node.name}"
        for path in sources()
        for node in parsed(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_parts(service: str) -> None:
    folder = service_folder(service)
    for part in PARTS:
        there = (folder / f"{part}.py").exists() or (folder / part / "__init__.py").exists()
        assert there is ((service, part) not in WITHOUT), f"{service}: {part}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_short_readme(service: str) -> None:
    text = (ROOT / "services" / service / "README.md").read_text()
    assert len(text.splitlines()) <= 60
    for word in ("owns", "never", "rpcs"):
        assert word in text.lower(), f"services/{service}/README.md does not say: {word}"


def test_every_part_left_out_has_its_reason() -> None:
    assert all(service in SERVICES and part in PARTS and why for (service, part), why in WITHOUT.items())
