"""The witness's folder and its `witness.toml`: what is read at the start, and the first one that keygen writes.

Owns the names of the files and every check of the configuration; an unknown member is refused, because a misspelt one
would silently not hold.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from placet.sdk.errors import ConfigError
from placet.tlog.errors import TlogError
from placet.tlog.note import Verifier

CONFIG: Final = "witness.toml"
KEY: Final = "witness.key"
REPLAY_KEY: Final = "replay.key"
STATE: Final = "state.db"
CONFLICTS: Final = "conflicts"
LOGS: Final = "logs"
TEMPLATE: Final = """\
# A witness of Placet logs: `placet witness run` in this folder (docs/how-to/run-a-witness.md).
listen = "127.0.0.1:8790"   # plain HTTP; put a proxy with TLS in front of it
replay_wait = 5.0           # seconds that a request waits for the replay (--replay)

# One for each log. vkeys: the log's verifier keys, handed over by its operator and pinned here; several after a
# rotation. url and token_file: where its entries are read, for --replay only.
# [[log]]
# vkeys = ["example.org/log/bank+..."]
# url = "https://gateway.example.org/log/bank"
# token_file = "bank.token"
"""
_MEMBERS: Final = {"listen": str, "replay_wait": float, "log": list}
_LOG_MEMBERS: Final = {"vkeys": list, "url": str, "token_file": str}
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """A log that is witnessed: its pinned keys, and where its entries are, if they are to be replayed."""

    keys: tuple[Verifier, ...]
    url: str | None
    token_file: Path | None

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys[0].vkey.name


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessConfig:
    """A witness's configuration; files are in `folder`."""

    folder: Path
    host: str
    port: int
    replay_wait: float
    logs: tuple[LogConfig, ...]


def read_config(folder: Path) -> WitnessConfig:
    """Return the configuration of a witness's folder; raises ConfigError naming the member."""
    path = folder / CONFIG
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError("CONFIG_INVALID", f"{path}: {error.strerror}; make one with keygen", field=CONFIG) from None
    except ValueError as error:
        raise ConfigError("CONFIG_INVALID", f"{path}: {error}", field=CONFIG) from None
    _check(said, _MEMBERS, "")
    host, _, port = said.get("listen", "127.0.0.1:8790").rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        _refuse("listen", "is host:port")
    logs = tuple(_log(one, f"log[{at}]", folder) for at, one in enumerate(said.get("log", [])))
    if not logs:
        _refuse("log", f"is missing: name at least one log in {path}")
    if len({one.origin for one in logs}) < len(logs):
        _refuse("log", "names a log twice: give all keys of a log in one `vkeys`")
    wait = said.get("replay_wait", 5.0)
    return WitnessConfig(folder=folder, host=host.strip("[]"), port=int(port), replay_wait=wait, logs=logs)


def _log(said: Any, where: str, folder: Path) -> LogConfig:
    if not isinstance(said, dict):
        _refuse(where, "is a table: [[log]]")
    _check(said, _LOG_MEMBERS, f"{where}.")
    try:
        keys = tuple(Verifier.parse(one) for one in said.get("vkeys", []))
    except (TlogError, AttributeError) as error:
        _refuse(f"{where}.vkeys", f"holds what is no key of a log: {error}")
    if not keys or len({key.vkey.name for key in keys}) != 1:
        _refuse(f"{where}.vkeys", "is a list of keys of one log, at least one")
    url, token = said.get("url"), said.get("token_file")
    if url is not None:
        _check_url(f"{where}.url", url)
    return LogConfig(keys=keys, url=url, token_file=None if token is None else folder / token)


def _check_url(where: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        _refuse(where, "is an https:// address (http:// only of this machine)")


def _check(said: Mapping[str, Any], members: Mapping[str, type], prefix: str) -> None:
    for name, given in said.items():
        kind = members.get(name)
        if kind is None:
            _refuse(f"{prefix}{name}", f"is unknown; there are {', '.join(members)}")
        if not isinstance(given, int | float if kind is float else kind) or isinstance(given, bool):
            _refuse(f"{prefix}{name}", f"is a {kind.__name__}")


def _refuse(field: str, why: str) -> NoReturn:
    raise ConfigError("CONFIG_INVALID", f"{field} {why}", field=field)
