"""What README, CONTRIBUTING and the documents tell people to type exists: make targets, commands, options, files."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from architecture.workspace import ROOT, bare, documents, members, shown

import placet.sdk
from placet.sdk.commands import app

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, flags=re.M))
BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```", flags=re.M | re.S)
INLINE = re.compile(r"`((?:\.venv/bin/)?(?:placet|make) [^`]+|make)`")
DOCUMENTS = documents()


def commands(path: Path, program: str) -> list[list[str]]:
    """Every use of a program in a document, in code blocks and in the text, without comments."""
    text = path.read_text("utf-8")
    lines = [line for block in BLOCK.findall(text) for line in block.splitlines()] + INLINE.findall(text)
    split = [shlex.split(line, comments=True) for line in lines if "<" not in line and "..." not in line]
    return [words[1:] for words in split if words and words[0].removeprefix(".venv/bin/") == program]


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_every_make_target_exists(path: Path) -> None:
    asked = {word for words in commands(path, "make") for word in words if "=" not in word and not word.startswith("-")}
    assert asked - TARGETS == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_every_placet_command_exists_with_its_options(path: Path) -> None:
    for words in commands(path, "placet"):
        command = find([word for word in words if not word.startswith("-")])
        assert command is not None, f"there is no: placet {' '.join(words)}"
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used - options - {"--help", "-h"} == set(), f"placet {' '.join(words)}"


def find(names: list[str]) -> Any:
    """Return the command that the first words name, None if there is none."""
    here: Any = app
    for name in names:
        if not hasattr(here, "list_commands"):
            return here
        here = here.get_command(None, name)
        if here is None:
            return None
    return here


def test_the_documents_use_the_commands_at_all() -> None:
    used = {words[0] for path in DOCUMENTS for words in commands(path, "placet") if words}
    assert {"dev", "demo", "verify", "ledger"} <= used
    assert commands(ROOT / "README.md", "make")


def test_every_command_of_a_distribution_is_known_to_placet() -> None:
    ours = {name for member in members() for name in member.project.get("entry-points", {}).get("placet.commands", {})}
    for name in (*ours, "verify", "version"):
        assert find([name]) is not None, name


def test_the_targets_that_the_issue_asks_for_are_there_and_listed() -> None:
    listed = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout
    for target in ("setup", "demo", "dev", "test", "test-all", "check", "bench", "protos", "docs", "help"):
        assert target in TARGETS
        assert f"make {target} " in listed


def test_every_phony_target_exists_and_every_member_is_installed_by_make() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.M)
    assert phony is not None
    assert set(phony[1].split()) <= TARGETS
    folders = re.search(r"^MEMBERS := (.*)$", MAKEFILE, flags=re.M)
    assert folders is not None
    assert sorted(folders[1].split()) == sorted(shown(member.folder) for member in members())


def test_all_members_have_one_version_and_one_python() -> None:
    assert len({member.project["version"] for member in members()}) == 1
    assert {member.project["requires-python"] for member in members()} == {">=3.11"}
    assert {bare(member.project["name"]) for member in members()} == {member.name for member in members()}


def test_ci_runs_the_command_that_the_readme_gives() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "make check" in script
    assert "make test" in script
    assert ["test"] in commands(ROOT / "README.md", "make")


def test_the_readme_example_uses_names_that_exist() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), flags=re.M | re.S)
    compile(example, "README.md", "exec")
    imported = re.search(r"from placet\.sdk import (.*)", example)
    assert imported is not None
    assert all(name.strip() in placet.sdk.__all__ for name in imported[1].split(","))
