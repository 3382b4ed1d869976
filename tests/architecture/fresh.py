"""Fails when committed generated code differs from what protos/ generates now: run `make protos` then."""

import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def stale(generated: Path, committed: Path) -> list[str]:
    """Return the files that differ or exist on one side only."""
    names = {
        path.relative_to(top)
        for top in (generated, committed)
        for path in top.rglob("*.py*")
        if "__pycache__" not in path.parts
    }
    return sorted(
        str(name)
        for name in names
        if not (generated / name).exists()
        or not (committed / name).exists()
        or not filecmp.cmp(generated / name, committed / name, shallow=False)
    )


def main() -> int:
    """Generate into an empty folder and compare."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        (out / "placet" / "api").mkdir(parents=True)
        subprocess.run([str(ROOT / "protos" / "generate.sh"), folder], check=True)
        found = stale(out / "placet" / "api", ROOT / "protos" / "placet" / "api")
    for name in found:
        print(f"stale: protos/placet/api/{name} (run make protos)", file=sys.stderr)
    if not found:
        print("generated code: fresh")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
