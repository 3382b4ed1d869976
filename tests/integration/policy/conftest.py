"""One real log, by the production sequencer, whose events a real pack decided: as database and as exported files."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from bench.make_log import make_log
from fakes.lawful_facts import deciding

from placet.evidence.entries import parse_entry
from placet.evidence.kinds import Entry
from placet.permission.commands.logs import FolderLog
from placet.permission.policy.pack import load_shipped


@dataclass(frozen=True)
class RealLog:
    """Where the log is: `audit.db` and `tiles` below `folder`."""

    folder: Path

    @property
    def tiles(self) -> Path:
        return self.folder / "tiles"

    @cached_property
    def entries(self) -> list[Entry]:
        return [parse_entry(entry) for some in FolderLog(self.tiles).batches() for entry in some]

    def first(self, kind: str, **fields: object) -> Entry:
        """The first entry of a kind with these values."""
        return next(
            entry
            for entry in self.entries
            if entry.kind == kind and all(getattr(entry, name) == value for name, value in fields.items())
        )


@pytest.fixture(scope="package")
def real_log(tmp_path_factory: pytest.TempPathFactory) -> RealLog:
    """Some 700 entries, made once."""
    folder = tmp_path_factory.mktemp("log")
    make_log(folder, 700, people=40, decide=deciding(load_shipped(), changed=0.5))
    return RealLog(folder)
