"""docs/guarantees.md promises nothing without a test that exists and has a control; long ones were really run."""

import ast
import re
from functools import cache

import pytest
from architecture.workspace import ROOT

PAGE = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
CAMPAIGNS = (ROOT / "docs" / "campaigns.md").read_text("utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| what holds")
]
NAMED = sorted(set(TEST.findall(PAGE)))


@cache
def decorators(file: str) -> dict[str, str]:
    """Every test function of a file with its decorators as text."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {one.name: " ".join(map(ast.unparse, one.decorator_list)) for one in functions}


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda value: value.rpartition("/")[2])
def test_every_test_that_is_named_exists_and_is_never_skipped(file: str, test: str) -> None:
    assert test in decorators(file), f"{file} has no {test}"
    assert not re.search(r"skip|xfail", decorators(file)[test])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_line_has_its_tests_and_its_control(row: list[str]) -> None:
    assert len(row) == 3
    assert all(TEST.search(cell) for cell in row[1:]), row[0]


def test_there_is_something_promised() -> None:
    assert re.findall(r"^## (P\d+): ", PAGE, flags=re.M)[:2] == ["P1", "P2"]
    assert len(ROWS) > 15


def test_every_long_test_that_is_named_was_run_with_date_and_commit_or_is_said_not_to_be() -> None:
    long = {test for file, test in NAMED if "long" in decorators(file)[test]}
    assert long
    sections = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n?)*)", CAMPAIGNS, flags=re.M))
    run = {test for text in sections.values() for _, test in TEST.findall(text)}
    assert long - run == set()
    sections.pop("Not run yet", None)
    for name, text in sections.items():
        assert re.search(r"^\| 20\d\d-\d\d-\d\d \| `[0-9a-f]{7,40}` \| \S", text, flags=re.M), name
