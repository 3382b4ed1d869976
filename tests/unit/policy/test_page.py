"""The page of a pack is made from the pack: it is fresh, says what is unverified, and gives no advice."""

from pathlib import Path

from placet.permission.policy import page
from placet.permission.policy.metadata import Confidence
from placet.permission.policy.pack import Pack

PAGE = Path(__file__).parents[3] / "docs" / "law" / "cn-2025.md"


def test_the_page_is_fresh(cn: Pack) -> None:
    # If not: .venv/bin/python -m placet.permission.policy.page cn-2025 docs/law/cn-2025.md
    assert PAGE.read_text(encoding="utf-8") == page.render(cn)


def test_main_writes_the_page(tmp_path: Path, cn: Pack) -> None:
    page.main(["cn-2025", str(tmp_path / "page.md")])
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page.render(cn)


def test_every_rule_stands_there_with_its_confidence(cn: Pack) -> None:
    text = page.render(cn)
    assert "not legal advice" in text
    for ident, rule in cn.rules.items():
        part = text.split(f"### `{ident}` ")[1].split("### ")[0]
        assert rule.explanation.zh_cn in part
        assert rule.explanation.en in part
        assert rule.next.zh_cn in part
        assert ("Confidence: **unverified**" in part) is (rule.confidence is Confidence.UNVERIFIED)
