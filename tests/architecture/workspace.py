"""What the repository is made of: its members, their modules and documents, read from the files."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "protos" / "placet" / "api"


@dataclass(frozen=True)
class Member:
    """One distribution of the workspace."""

    name: str
    folder: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        """The table `project` of its pyproject.toml."""
        read: dict[str, Any] = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        return read

    @property
    def dependencies(self) -> list[str]:
        """What it declares, by normal name, without versions and extras."""
        return [bare(one) for one in self.project["dependencies"]]

    @property
    def packages(self) -> list[str]:
        """The packages below `placet.` that it installs."""
        return sorted(path.name for path in (self.folder / "placet").iterdir() if (path / "__init__.py").exists())

    def sources(self) -> Iterator[Path]:
        """Every Python file that it installs, generated ones included."""
        return (path for path in sorted((self.folder / "placet").rglob("*.py")) if "__pycache__" not in path.parts)


def bare(requirement: str) -> str:
    """Return the normal name of a requirement such as `nats-py[nkeys]>=2.16`."""
    return canonicalize_name(Requirement(requirement).name)


def members() -> list[Member]:
    """Return every member, found by its pyproject.toml."""
    found = [ROOT / "gateway" / "pyproject.toml"]
    for folder in ("protos", "sdk/*", "services/*", "deploy/*"):
        found += sorted(ROOT.glob(f"{folder}/pyproject.toml"))
    return [Member(tomllib.loads(path.read_text())["project"]["name"], path.parent) for path in found]


def sources() -> list[Path]:
    """Return every Python file of Placet that people wrote."""
    return [path for member in members() for path in member.sources() if GENERATED not in path.parents]


def documents() -> list[Path]:
    """Return every document of the repository."""
    tops = (
        "docs/**/*.md",
        "services/*/README.md",
        "gateway/README.md",
        "deploy/**/README.md",
        "sdk/*/README.md",
        "*.md",
    )
    return sorted(path for top in tops for path in ROOT.glob(top))


def module_of(path: Path) -> str:
    """Return the dotted name of a module of Placet."""
    parts = list(path.with_suffix("").parts)
    start = len(parts) - 1 - parts[::-1].index("placet")
    return ".".join(part for part in parts[start:] if part != "__init__")


def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(), str(path))


def shown(path: Path) -> str:
    """Return a path as people give it, from the root."""
    return str(path.relative_to(ROOT))
