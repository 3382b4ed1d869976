"""A log's tree as files, the way `placet ledger export --tiles` writes it. Reads only."""

from pathlib import Path

from placet.sdk.errors import ConfigError, NotFound


class FolderTree:
    """The tree below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._folder)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file; raises NotFound, or ConfigError if it cannot be read."""
        try:
            return (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound("NOT_FOUND", f"{self._folder} has no {path}", field="path") from error
        except OSError as error:
            raise ConfigError("CONFIG_INVALID", f"{self._folder / path}: {error.strerror}", field="path") from error
