"""The documents point at things that exist: links, files, names, subjects, records of decisions."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from architecture import settings_page
from architecture.workspace import ROOT, documents, shown, sources

DOCUMENTS = documents()
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[A-Za-z0-9_./-]+\.(?:py|md|proto|yaml|toml|json|in|lock|sh|cedar)")
DOC = re.compile(r"docs/[A-Za-z0-9_./-]+\.md")
CONSTANT = re.compile(r"_?[A-Z]{2,}(?:_[A-Z]+)*")
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
TOPS = ("docs", "sdk", "services", "gateway", "deploy", "protos", "tests")
# Files that a service or a reader makes, and the one that must not exist.
MADE = {
    "/openapi.json",
    "bundle.json",
    "keyring.json",
    "permit-keys.json",
    "placet/__init__.py",
    "var/dev/clients/demo.json",
    "withdrawal.json",
    "witness.toml",
}
# The project's design pages, which the code cites by section; they are not part of the repository.
DESIGN = {
    f"{name}.md" for name in ("architecture", "consent", "console", "law", "ledger", "promises", "style", "vault")
}


def prose(path: Path) -> str:
    """The text of a document without its code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as they are made of their words."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path: Path) -> Iterator[str]:
    for target in LINK.findall(prose(path)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            yield target


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert list(broken(path)) == []


@cache
def endings() -> set[str]:
    """Every file of the repository by each of its endings: `kit/grpc/guard.py` is enough."""
    files = [path for top in TOPS for path in (ROOT / top).rglob("*") if "__pycache__" not in path.parts]
    paths = [path.relative_to(ROOT) for path in [*files, *ROOT.iterdir()] if path.is_file()]
    return {"/".join(path.parts[at:]) for path in paths for at in range(len(path.parts))}


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_every_file_that_is_named_exists(path: Path) -> None:
    names = {span.removeprefix("../") for span in SPAN.findall(prose(path)) if FILE.fullmatch(span)}
    assert names - endings() - MADE - DESIGN == set()


@pytest.mark.parametrize("path", HOW_TO, ids=shown)
def test_every_constant_that_a_how_to_names_exists(path: Path) -> None:
    code = "\n".join(file.read_text("utf-8") for file in [*sources(), *(ROOT / "tests").rglob("*.py")])
    names = {span for span in SPAN.findall(prose(path)) if CONSTANT.fullmatch(span)}
    assert {name for name in names - settings_page.names() if not re.search(rf"\b{name}\b", code)} == set()


def test_every_document_that_code_points_to_exists() -> None:
    protos = (ROOT / "protos" / "proto").rglob("*.proto")
    pointers = {(shown(file), name) for file in [*sources(), *protos] for name in DOC.findall(file.read_text("utf-8"))}
    assert pointers
    assert {pointer for pointer in pointers if not (ROOT / pointer[1]).exists()} == set()


def test_every_decision_is_in_the_index_and_has_its_own_number() -> None:
    files = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    index = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    assert re.findall(r"^\| \[\d{4}\]\(([^)]+)\)", index, flags=re.M) == files
    numbers = [name[:4] for name in files]
    assert numbers == [f"{number:04}" for number in range(1, len(files) + 1)]
    for name in files:
        text = (ROOT / "docs" / "adr" / name).read_text("utf-8")
        assert text.startswith(f"# ADR {name[:4]}: "), name
        assert re.search(r"^Status: (accepted|superseded by)", text, flags=re.M), name


def test_every_library_has_its_reason() -> None:
    adr = (ROOT / "docs" / "adr" / "0007-dependencies.md").read_text("utf-8")
    chosen = [line for line in (ROOT / "requirements.in").read_text().splitlines() if line and not line.startswith("#")]
    assert [name for name in chosen if f"`{name}`" not in adr] == []


def test_the_map_names_every_subject_of_the_bus() -> None:
    """docs/architecture.md against deploy/nats/permissions.yaml."""
    services = yaml.safe_load((ROOT / "deploy" / "nats" / "permissions.yaml").read_text())["services"]
    used = {subject for one in services.values() for subject in (*one["publish"], *one["subscribe"])}
    table = re.findall(r"^\| `(placet\.[^`]+)`", (ROOT / "docs" / "architecture.md").read_text("utf-8"), flags=re.M)
    patterns = [re.compile(re.sub(r"<\w+>", r"[\\w*>]+", re.escape(row))) for row in table]
    ours = {subject for subject in used if subject.startswith("placet.")}
    assert len(ours) > 8
    assert {subject for subject in ours if not any(pattern.fullmatch(subject) for pattern in patterns)} == set()


def test_every_word_of_the_vocabulary_is_explained_once() -> None:
    lines = (ROOT / "docs" / "vocabulary.md").read_text("utf-8").splitlines()
    words = [word for line in lines if line.startswith("| ") for word in line.split(" | ")[0].strip("| ").split(", ")]
    assert len(words) > 50
    assert sorted({word for word in words if words.count(word) > 1}) == []
