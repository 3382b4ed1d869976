"""Which packs a command was asked about: shipped ones by id, others by their folder."""

from collections.abc import Iterable
from pathlib import Path

from placet.kit.errors import Invalid, NotFound
from placet.permission.policy.errors import PackInvalid
from placet.permission.policy.pack import SHIPPED, Pack, load, load_shipped


def shipped_ids() -> list[str]:
    """Return the ids of the packs that come with Placet, ascending."""
    return sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir())


def shipped() -> list[Pack]:
    """Load every pack that comes with Placet."""
    return [load_shipped(name) for name in shipped_ids()]


def choose(names: Iterable[str], field: str) -> list[Pack]:
    """Return the packs of these names, each the id of a shipped pack or a folder. Raises NotFound, Invalid."""
    return [_one(name, field) for name in names]


def _one(name: str, field: str) -> Pack:
    try:
        if name in shipped_ids():
            return load_shipped(name)
        if Path(name).is_dir():
            return load(Path(name).resolve())
    except PackInvalid as error:
        raise Invalid(field, str(error)) from error
    raise NotFound(f"{field}: there is no pack {name!r}; give a folder, or one of {', '.join(shipped_ids())}")
