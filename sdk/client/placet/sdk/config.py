"""How a client is set up: where the mesh is, whose client it is, which key its log signs with.

Owns the dataclasses, their checks, and reading them from the JSON file that `placet dev` or an operator hands out.
Never fetches a key: `log_vkey` is pinned here or nothing can be verified. Plain text only to this machine.
Secrets (token, reference keys) are not shown by `repr`.
"""

import base64
import binascii
import ipaddress
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from placet.sdk.errors import ConfigError
from placet.sdk.stores import CheckpointFile, CheckpointStore, ReceiptFolder, ReceiptStore
from placet.sdk.subject import SubjectReferences
from placet.tlog.errors import TlogError
from placet.tlog.note import Verifier

TokenSource = str | Callable[[], str]
"""A bearer token, or what returns a fresh one; asked before every call, so it should be quick."""

CONFIG_VARIABLE: Final = "PLACET_CONFIG"
MAX_BATCH: Final = 512
_MEMBERS: Final = frozenset(
    {"controller", "targets", "token", "token_file", "log_vkey", "more_log_vkeys"}
    | {"reference_key", "former_reference_keys", "gateway"}
    | {"tls", "timeout", "checkpoint", "checkpoint_file", "receipts"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Addresses of the services, `host:port` or any gRPC name; None: not used by this client."""

    consent: str | None = None
    permission: str | None = None
    vault: str | None = None
    audit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM: `ca` to trust (None: the system's), `cert` and `key` to show (both or neither).

    They are read again when they change. `name` overrides the host name that the server's certificate must have.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            refuse("tls", "give both tls.cert and tls.key, or neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coalescing:
    """How concurrent `authorize` calls are merged into batches: at once, never by waiting for more to come.

    While `lanes` batches are in flight the rest wait and go together, at most `max_batch` a message. When no batch is
    in flight and at least `split` calls wait, they go as two halves, so that both ends work at the same time.
    """

    enabled: bool = True
    lanes: int = 2
    max_batch: int = 128
    split: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.lanes <= 64:
            refuse("coalescing.lanes", f"1 to 64 batches may be in flight, not {self.lanes}")
        if not 1 <= self.max_batch <= MAX_BATCH:
            refuse("coalescing.max_batch", f"a batch holds 1 to {MAX_BATCH} events, not {self.max_batch}")
        if self.split < 2:
            refuse("coalescing.split", f"at least 2 calls can be halved, not {self.split}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One controller's client.

    `token` carries this controller and the roles needed. `log_vkey` is the verifier key of the controller's log, handed
    over when it was created; `more_log_vkeys` are its other keys, before and after a rotation. `timeout` is the total
    time of a call in seconds, retries included. `checkpoint` is a signed note that an earlier client kept
    (`client.checkpoint_held`): a log that forked since is then noticed. `checkpoints` keeps it by itself, and for all
    clients that share the store; `receipts` keeps withdrawal receipts. Answers are checked under the log's keys alone;
    to demand a quorum of witnesses verify bundles under a policy (docs/how-to/verify-evidence.md).
    """

    controller: str
    targets: Targets
    token: TokenSource = field(repr=False)
    log_vkey: str
    more_log_vkeys: tuple[str, ...] = ()
    references: SubjectReferences | None = None
    tls: Tls | None = None
    timeout: float = 5.0
    coalescing: Coalescing = Coalescing()
    checkpoint: str | None = None
    gateway: str | None = None
    checkpoints: CheckpointStore | None = None
    receipts: ReceiptStore | None = None

    # Invariant: a verifier key is pinned, and nothing travels in plain text beyond this machine.

    def __post_init__(self) -> None:
        if not self.controller:
            refuse("controller", "name the controller whose client this is")
        if not self.targets.audit:
            refuse("targets.audit", "give the address of audit: every client asks it for consistency proofs")
        check_link(self.targets, self.tls, self.timeout)
        self.verifiers()

    def verifiers(self) -> tuple[Verifier, ...]:
        """Return the verifiers of the pinned keys; raises ConfigError if one is malformed or of another log."""
        first = pinned(self.log_vkey)
        more = tuple(pinned(vkey) for vkey in self.more_log_vkeys)
        for one in more:
            if one.vkey.name != first.vkey.name:
                refuse("more_log_vkeys", f"{one.vkey.name} is another log than {first.vkey.name}")
        return (first, *more)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], **changes: Any) -> Self:
        """Return the configuration of a JSON file, with `changes` to single fields of this class.

        Members: controller, targets, token or token_file, log_vkey, reference_key (hex or base64), and optionally
        more_log_vkeys, former_reference_keys, tls {ca, cert, key, name}, timeout, checkpoint, checkpoint_file,
        receipts (a folder), gateway. Paths are relative to the file. Raises ConfigError naming the member.
        """
        place = Path(path)
        try:
            found = json.loads(place.read_text())
        except OSError as error:
            raise ConfigError("CONFIG_INVALID", f"{place} cannot be read: {error.strerror}", field="path") from error
        except ValueError as error:
            raise ConfigError("CONFIG_INVALID", f"{place} is no JSON: {error}", field="path") from error
        if not isinstance(found, dict):
            refuse("path", f"{place} holds no JSON object")
        return cls(**{**_from_members(found, place.parent), **changes})

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **changes: Any) -> Self:
        """Return the configuration of the file that the environment variable PLACET_CONFIG names."""
        path = (os.environ if environ is None else environ).get(CONFIG_VARIABLE)
        if not path:
            refuse(CONFIG_VARIABLE, f"set {CONFIG_VARIABLE} to a configuration file, e.g. one that `placet dev` wrote")
        return cls.from_file(path, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorConfig:
    """A client that creates and closes controllers; its token has the role `operator` and it reads nothing else."""

    target: str
    token: TokenSource = field(repr=False)
    tls: Tls | None = None
    timeout: float = 5.0

    def __post_init__(self) -> None:
        check_link(Targets(audit=self.target), self.tls, self.timeout)


class TokenFile:
    """Reads a bearer token from a file, again whenever the file has changed: a token source."""

    __slots__ = ("_changed", "_path", "_token")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._changed = -1
        self._token = ""

    def __call__(self) -> str:
        """Return the token; raises ConfigError if the file cannot be read."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._changed:
                self._token, self._changed = self._path.read_text().strip(), changed
        except OSError as error:
            raise ConfigError("CONFIG_INVALID", f"{self._path}: {error.strerror}", field="token_file") from error
        return self._token

    def __repr__(self) -> str:
        return f"TokenFile({str(self._path)!r})"


def pinned(vkey: str) -> Verifier:
    """Return the verifier of a key that somebody pinned; raises ConfigError if it is missing or malformed."""
    if not vkey:
        refuse("log_vkey", "pin the verifier key of your log; it was handed over when the controller was created")
    try:
        return Verifier.parse(vkey.strip())
    except TlogError as error:
        raise ConfigError("CONFIG_INVALID", f"log_vkey: {error}", field="log_vkey") from error


def check_link(targets: Targets, tls: Tls | None, timeout: float) -> None:
    """Raise ConfigError for a time that is none, or plain text to another machine."""
    if not 0 < timeout <= 3_600:
        refuse("timeout", f"a call takes more than 0 and at most 3600 seconds, not {timeout}")
    for one in fields(targets):
        target = getattr(targets, one.name)
        if target and tls is None and not is_loopback(target):
            refuse(f"targets.{one.name}", f"{target} is another machine: configure tls (plain text is for loopback)")


def is_loopback(target: str) -> bool:
    """Tell whether a gRPC target is on this machine."""
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    host = target.rsplit("/", 1)[-1].removeprefix("dns:")
    host = host.removeprefix("ipv4:").removeprefix("ipv6:").rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse(name: str, message: str) -> NoReturn:
    """Raise the ConfigError of one field."""
    raise ConfigError("CONFIG_INVALID", message, field=name)


def _from_members(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    unknown = sorted(set(found) - _MEMBERS)
    if unknown:
        refuse(unknown[0], f"the configuration has no member {unknown[0]!r}")
    made: dict[str, Any] = {
        "controller": _text(found, "controller"),
        "log_vkey": _text(found, "log_vkey"),
        "targets": _targets(found.get("targets")),
        "token": _token(found, folder),
    }
    if found.get("more_log_vkeys"):
        made["more_log_vkeys"] = _texts(found, "more_log_vkeys")
    if found.get("reference_key"):
        former = [_key(one) for one in found.get("former_reference_keys") or ()]
        made["references"] = SubjectReferences(_key(found["reference_key"]), former)
    if found.get("tls"):
        made["tls"] = _tls(found["tls"], folder)
    if found.get("checkpoint_file"):
        made["checkpoints"] = CheckpointFile(folder / _text(found, "checkpoint_file"))
    if found.get("receipts"):
        made["receipts"] = ReceiptFolder(folder / _text(found, "receipts"))
    made |= {name: found[name] for name in ("timeout", "checkpoint", "gateway") if found.get(name) is not None}
    return made


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        refuse(name, f"the configuration needs {name}, a text")
    return str(value)


def _texts(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = found[name]
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        refuse(name, f"{name} is a list of texts")
    return tuple(values)


def _token(found: Mapping[str, Any], folder: Path) -> TokenSource:
    if found.get("token_file"):
        return TokenFile(folder / _text(found, "token_file"))
    return _text(found, "token")


def _targets(found: object) -> Targets:
    names = {one.name for one in fields(Targets)}
    if not isinstance(found, dict):
        refuse("targets", "the configuration needs targets: an object of addresses")
    # A mesh may list more than a client speaks to.
    return Targets(**{name: str(target) for name, target in found.items() if name in names and target})


def _tls(found: object, folder: Path) -> Tls:
    if not isinstance(found, dict) or set(found) - {"ca", "cert", "key", "name"}:
        refuse("tls", "tls has ca, cert, key and name only")
    paths: dict[str, Any] = {name: folder / path for name, path in found.items() if name != "name" and path}
    return Tls(**paths, name=found.get("name"))


def _key(text: object) -> bytes:
    if isinstance(text, str):
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
        try:
            return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
        except binascii.Error:
            pass
    refuse("reference_key", "a reference key is text in hex or base64")
