"""One mesh of all services for the tests of this folder; three persons are enough for its filing rules."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from integration.filing.filing_rig import THRESHOLD, Rig

from placet.permission.filing import rules


def small_rules(folder: Path) -> Path:
    """Write the shipped rules with a small threshold."""
    told = json.loads((Path(rules.__file__).parent / rules.FILE).read_bytes())
    for rule in told["rules"]:
        rule["threshold"] = THRESHOLD if rule["in_force_from"] else 1
    file = folder / "rules.json"
    file.write_text(json.dumps(told))
    return file


def calendar(folder: Path) -> Path:
    """Write the working days of years that no library knows yet: these tests run on the real day, whatever it is."""
    years = {
        str(year): {"off": [f"{year}-01-01", f"{year}-10-01"], "work": [], "source": "made up for a test"}
        for year in range(2026, 2060)
    }
    file = folder / "years.json"
    file.write_text(json.dumps(years))
    return file


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """NATS, audit, consent, permission and vault as processes, with a bank, its branch, and a retailer."""
    folder = tmp_path_factory.mktemp("filing")
    environment = {
        "PLACET_FILING_RULES": str(small_rules(folder)),
        "PLACET_FILING_CALENDAR": str(calendar(folder)),
    }
    async with Rig(folder / "mesh", environment) as made:
        yield made
