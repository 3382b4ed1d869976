"""Which distribution each import of a member comes from. Knows the members of the workspace and what is installed."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from architecture.workspace import Member, members, parsed
from packaging.utils import canonicalize_name

# Import names that several distributions share, or that come with another one: the longest prefix decides.
SHARED: Mapping[str, str] = {
    "google.protobuf": "protobuf",
    "google.rpc": "googleapis-common-protos",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry": "opentelemetry-api",
    "pydantic_core": "pydantic",
}


@dataclass(frozen=True)
class Import:
    """One import statement: the module, where it stands, and whether the code does without it."""

    module: str
    path: Path
    line: int
    optional: bool


def imports(path: Path) -> Iterator[Import]:
    """Every absolute import of a file, also those inside functions; optional are those whose ImportError is caught."""
    tree = parsed(path)
    guarded = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any(_catches_import_error(handler) for handler in node.handlers)
        for statement in node.body
        for child in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, path, node.lineno, node in guarded)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield Import(f"{node.module}.{alias.name}", path, node.lineno, node in guarded)


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else set()
    return bool(names & {"ImportError", "ModuleNotFoundError"})


class Owners:
    """Which distribution an import comes from."""

    def __init__(self) -> None:
        self._installed = metadata.packages_distributions()
        self._members = {package: member.name for member in members() for package in member.packages}

    def of(self, module: str) -> str | None:
        """Return the distribution of a dotted module, None for the standard library; raises LookupError."""
        first, _, rest = module.partition(".")
        if first == "placet":
            return self._members[rest.partition(".")[0]]
        for prefix in sorted(SHARED, key=len, reverse=True):
            if module == prefix or module.startswith(f"{prefix}."):
                return SHARED[prefix]
        owners = self._installed.get(first)
        if owners is None:
            return None
        if len(set(owners)) > 1:
            raise LookupError(f"{module} comes from one of {sorted(set(owners))}: say which in SHARED")
        return canonicalize_name(owners[0])


def needed(member: Member, owners: Owners, *, optional: bool = False) -> dict[str, list[str]]:
    """Return the distributions that a member imports, each with where; `optional`: those it does without instead."""
    found: dict[str, list[str]] = {}
    for path in member.sources():
        for one in imports(path):
            owner = owners.of(one.module)
            if owner not in (None, member.name) and one.optional is optional:
                found.setdefault(str(owner), []).append(f"{path.relative_to(member.folder)}:{one.line} {one.module}")
    return found
