"""`placet policy test` and `list`, run through the `placet` command, and once as people run it: as a process."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.policy import shipped

from placet.permission.commands.scenario_file import read
from placet.permission.policy.pack import SHIPPED
from placet.sdk.commands import run

Say = Callable[..., tuple[int, str, str]]
GOOD = "packs: [cn-2025]\nscenarios:\n  - name: lawful\n    expect: {verdict: allow}\n"
FAILS = """\
packs: [cn-2025, eu]
scenarios:
  - name: lawful
    expect: {verdict: allow}

  - name: vault [central]
    given: {storage: vault}
    expect: {verdict: allow, permit: [eu/gdpr-9-2-a]}
  - name: restroom
    given: {place_class: restroom}
    expect: {verdict: deny, forbid: [cn-2025/art-1], only: true}
"""


@pytest.fixture
def placet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.setenv("COLUMNS", "200")

    def said(*arguments: str | Path) -> tuple[int, str, str]:
        status = run(["policy", *map(str, arguments)])
        return status, *capsys.readouterr()

    return said


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(text, "utf-8")
        return path

    return write


def test_files_that_hold_say_how_well_their_law_was_read(placet: Say) -> None:
    status, out, err = placet("test", shipped.SCENARIOS / "eu.yaml", shipped.SCENARIOS / "cn-draft-2023.yaml")
    assert (status, err) == (0, "")
    cases = len(shipped.scenarios("eu")["scenarios"])
    assert f"eu.yaml: {cases} of {cases} scenarios as expected" in out
    assert "eu version 1: 29 rules, 29 unverified" in out
    assert "cn-draft-2023 version 1, a draft that never was law:" in out


def test_what_differs_is_a_table_and_the_status_1(placet: Say, file: Callable[[str], Path]) -> None:
    path = file(FAILS)
    status, out, _ = placet("test", path)
    assert status == 1
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    assert rows[0] == [
        "6",
        "vault [central]",
        "expected allow, got deny (permit: cn-2025/art-6-1, eu/gdpr-9-2-a (unverified); forbid: cn-2025/art-8-2)",
    ]
    assert rows[1][:2] == ["9", "restroom"]
    assert rows[1][2].startswith("cn-2025/art-1 does not forbid (forbid: cn-2025/art-13-1 (unverified)")
    assert "other articles forbid as well" in rows[2][2]
    assert f"{path}: 1 of 3 scenarios as expected" in out


def test_every_decision_as_json(placet: Say, file: Callable[[str], Path]) -> None:
    path = file(FAILS)
    status, out, _ = placet("test", path, shipped.SCENARIOS / "uk.yaml", "-o", "json")
    assert status == 1
    first, second = json.loads(out)
    assert [pack["id"] for pack in first["packs"]] == ["cn-2025", "eu"]
    assert first["packs"][1]["hash"] == shipped.pack("eu").hash
    lawful, vault, _ = first["scenarios"]
    assert (lawful["passed"], lawful["verdict"], lawful["differences"]) == (True, "allow", [])
    assert lawful["unverified"] == ["eu/gdpr-9-2-a"]
    assert (vault["line"], vault["forbid"], vault["errors"]) == (6, ["cn-2025/art-8-2"], [])
    assert vault["context"]["storage"] == "vault"
    assert "age_band" not in vault["context"]
    assert [one["name"] for one in second["scenarios"]] == [c["name"] for c in shipped.scenarios("uk")["scenarios"]]


WRONG: list[tuple[str, int | None, str, str]] = [
    (GOOD.replace("cn-2025", "cn-2026"), 1, "packs", "there is no pack 'cn-2026'"),
    (GOOD.replace("cn-2025", "../packs/eu"), 1, "packs", "no pack id"),
    (GOOD.replace("cn-2025", '"a\\0b"'), 1, "packs", "no pack id"),
    (GOOD.replace("lawful", '"\\ud800"'), 3, "the text", "half a character"),
    (GOOD.replace("expect:", "expects:"), 4, "scenario 1", "unknown key 'expects'"),
    (GOOD.replace("allow", "maybe"), 4, "scenario 1 (lawful), expect.verdict", "neither allow nor deny"),
    (GOOD + "    given:\n      egress: true\n      sign: true\n", 7, "scenario 1 (lawful), given", "no such field"),
    (GOOD + "    given:\n      egress: true\n      storage: cloud\n", 7, "scenario 1 (lawful), given", "'cloud'"),
    (GOOD.replace("packs", "given: {egress: 1}\npacks"), 1, "given", "neither true nor false"),
    (GOOD + "  - name: second\n", 5, "scenario 2", "'expect' is missing"),
    (GOOD + "  - lawful\n", 5, "scenario 2", "a mapping"),
    (GOOD + "    expect: {verdict: deny}\n", 5, "the text", "the key 'expect' stands twice"),
    (GOOD + "  - name: [\n", 6, "the text", ""),
    (GOOD + "    ? [a]\n    : b\n", 5, "the text", "unhashable"),
    ("when: 2025-99-99\n", None, "the text", "it is no YAML"),
    ("a: !!python/object:os.system {}\n", 1, "the text", "constructor"),
    ("[" * 5_000, None, "the text", ""),
    ("", 1, "the file", "a mapping"),
]


@pytest.mark.parametrize(("text", "line", "field", "reason"), WRONG)
def test_a_file_that_is_wrong(
    placet: Say, file: Callable[[str], Path], text: str, line: int | None, field: str, reason: str
) -> None:
    path = file(text)
    status, out, err = placet("test", path)
    assert (status, out) == (2, "")
    place, _, rest = err.partition(": ")
    assert place == str(path) or place.startswith(f"{path}:")
    if line is not None:
        assert place == f"{path}:{line}"
    assert rest.startswith(f"{field}: ")
    assert reason in rest
    assert rest.strip().endswith("docs/how-to/test-a-policy.md describes the form.")


def test_a_file_that_cannot_be_read(placet: Say, tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"packs: \xff")
    for path, reason in (
        (tmp_path / "none.yaml", "No such file or directory. Give a scenario file."),
        (tmp_path, "Is a directory. Give a scenario file."),
        (tmp_path / "latin.yaml", "it is not UTF-8 (invalid start byte). Save it as UTF-8."),
    ):
        status, _, err = placet("test", path)
        assert (status, err.strip()) == (2, f"{path}: the file: {reason}")


def test_a_wrong_file_does_not_hide_the_others(placet: Say, file: Callable[[str], Path]) -> None:
    wrong, fails, good = file("packs: 1\n"), file(FAILS), file(GOOD)
    status, out, err = placet("test", wrong, fails, good)
    assert status == 2
    assert str(wrong) in err
    assert f"{fails}: 1 of 3" in out
    assert f"{good}: 1 of 1" in out
    status, out, _ = placet("test", wrong, good, "-o", "json")
    assert status == 2
    told: list[dict[str, Any]] = json.loads(out)
    assert told[0]["error"]["line"] == 1
    assert told[0]["error"].keys() == {"field", "line", "reason", "next"}
    assert told[1]["scenarios"][0]["passed"] is True


def test_a_pack_that_does_not_load_is_named(
    placet: Say, file: Callable[[str], Path], copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied / "policies.cedar").write_text("forbid", "utf-8")
    monkeypatch.setattr("placet.permission.policy.pack.SHIPPED", copied.parent)
    status, _, err = placet("test", file(GOOD))
    assert status == 2
    assert "packs: cn-2025/policies.cedar: Cedar cannot parse the policies" in err
    assert err.strip().endswith("Correct them.")


def test_without_a_file_it_is_used_wrongly(placet: Say) -> None:
    assert placet("test")[0] == 2


def test_a_part_that_is_not_there_has_the_line_of_what_holds_it(file: Callable[[str], Path]) -> None:
    found = read(file(GOOD))
    assert [found.line(path) for path in ((), ("packs",), ("scenarios", 0, "name"), ("scenarios", 7), ("x", "y"))] == [
        1,
        1,
        3,
        2,
        1,
    ]


def test_the_packs_are_listed(placet: Say) -> None:
    status, out, _ = placet("list")
    assert status == 0
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
        for cells in (r.split("│") for r in out.splitlines())
        if len(cells) > 2
    }
    assert sorted(rows) == shipped.NAMES
    assert rows["cn-2025"] == ["1", "2025-06-01", "-", "32", "24", "8"]
    assert rows["cn-draft-2023"][1] == "never: a draft"
    told = {row["id"]: row for row in json.loads(placet("list", "-o", "json")[1])}
    assert told["eu"] == {
        "id": "eu",
        "version": "1",
        "title": shipped.pack("eu").metadata.title.en,
        "draft": False,
        "from": "2025-02-02T00:00:00+01:00",
        "until": None,
        "rules": 29,
        "read": 0,
        "unverified": 29,
        "hash": shipped.pack("eu").hash,
    }
    assert (told["cn-draft-2023"]["draft"], told["cn-draft-2023"]["from"]) == (True, None)
    assert {folder.name for folder in SHIPPED.iterdir()} == set(told)


def test_the_group_says_what_it_has(placet: Say) -> None:
    status, out, _ = placet("--help")
    assert status == 0
    assert "list" in out
    assert "test" in out
    assert placet("nothing")[0] == 2


def test_as_a_process_without_any_mesh() -> None:
    files = [shipped.SCENARIOS / "cn-2025.yaml", shipped.SCENARIOS / "cn-2025-and-eu.yaml"]
    command = [str(Path(sys.executable).with_name("placet")), "policy", "test", *map(str, files)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={"PATH": "/usr/bin:/bin"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("as expected") == 2
