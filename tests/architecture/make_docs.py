"""Writes the pages that are made from the code: `make docs`. With --check it fails when one is stale."""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from architecture import rpcs_page, settings_page
from architecture.workspace import ROOT, shown

from placet.permission.policy import page as law_page
from placet.permission.policy.pack import SHIPPED, load_shipped

PAGES: dict[Path, Callable[[], str]] = {
    settings_page.PAGE: settings_page.render,
    rpcs_page.PAGE: rpcs_page.render,
    **{
        ROOT / "docs" / "law" / f"{folder.name}.md": lambda name=folder.name: law_page.render(load_shipped(name))
        for folder in sorted(SHIPPED.iterdir())
        if (folder / "pack.json").exists()
    },
}


def stale() -> list[Path]:
    """Return the pages that differ from what the code says."""
    return [path for path, render in PAGES.items() if not path.exists() or path.read_text("utf-8") != render()]


def main(arguments: list[str]) -> int:
    """Write what is stale, or say so."""
    check = "--check" in arguments
    for path in (found := stale()):
        print(f"stale: {shown(path)} (run make docs)" if check else f"wrote {shown(path)}")
        if not check:
            path.write_text(PAGES[path](), "utf-8")
    if not found:
        print("generated pages: fresh")
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
