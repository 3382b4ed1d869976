"""The page of a pack is made from the pack, and fresh. What it says of each rule: test_pack_rules.py."""

from pathlib import Path

import pytest
from unit.policy import shipped

from placet.permission.policy import page
from placet.permission.policy.pack import Pack

LAW = Path(__file__).parents[3] / "docs" / "law"


@pytest.mark.parametrize("name", shipped.NAMES)
def test_the_page_is_fresh(name: str) -> None:
    # If not: make docs
    assert (LAW / f"{name}.md").read_text(encoding="utf-8") == page.render(shipped.pack(name))


def test_there_is_no_page_without_a_pack() -> None:
    assert sorted(path.stem for path in LAW.glob("*.md")) == shipped.NAMES


def test_main_writes_the_page(tmp_path: Path, cn: Pack) -> None:
    page.main(["cn-2025", str(tmp_path / "page.md")])
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page.render(cn)
