"""What each service may do on NATS, read from deploy/nats/permissions.yaml and turned into the server's terms.

Owns: the file's form, strictly checked, and what a durable consumer costs in JetStream API subjects.
Never: grants a service anything the file does not say, or the making of consumers and streams (only `admin` may,
because a consumer can be told to deliver to any subject).
Source: NATS documentation, Authorization; architecture.md section 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from placet.kit.bus.messages import STREAM
from placet.local.errors import PermissionsMalformed

ADMIN: Final = "admin"
# An answer must come within the longest deadline of a request.
_ANSWERS: Final = {"max": 1, "expires": "5m"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """What one service may do."""

    service: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answers: bool
    consumers: Mapping[str, tuple[str, ...]]

    def publishes(self) -> list[str]:
        """Return every subject it may publish to, those of its durable consumers included."""
        subjects = list(self.publish)
        for durable in self.consumers:
            consumer = f"{STREAM}.{durable}"
            subjects += [
                f"$JS.API.CONSUMER.INFO.{consumer}",
                f"$JS.API.CONSUMER.MSG.NEXT.{consumer}",
                f"$JS.ACK.{consumer}.>",
                f"placet.dead.{durable}.>",
            ]
        return subjects

    def subscribes(self) -> list[str]:
        """Return every subject it may subscribe to: its own and its inboxes."""
        return [*self.subscribe, f"{inbox_prefix(self.service)}.>"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Permissions:
    """The whole file."""

    services: Mapping[str, Allowed]

    def server_terms(self, service: str) -> dict[str, object]:
        """Return one service's permissions as the server's configuration has them."""
        allowed = self.services[service]
        publishes = allowed.publishes()
        terms: dict[str, object] = {
            # An empty list of what is allowed would allow everything.
            "publish": {"allow": publishes} if publishes else {"deny": [">"]},
            "subscribe": {"allow": allowed.subscribes()},
        }
        if allowed.answers:
            terms["allow_responses"] = _ANSWERS
        return terms


def inbox_prefix(service: str) -> str:
    """Return what every inbox of a service begins with."""
    return f"_INBOX_{service}"


def default_path() -> Path:
    """Return where the file is: beside this module when installed from a wheel, else in the repository."""
    here = Path(__file__).resolve()
    packaged = here.with_name("permissions.yaml")
    return packaged if packaged.exists() else here.parents[3] / "nats" / "permissions.yaml"


def load(path: Path | None = None) -> Permissions:
    """Read the file. Raises PermissionsMalformed naming the field, OSError when it cannot be read."""
    path = path or default_path()
    reader = _Reader(path)
    try:
        whole = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise PermissionsMalformed(path, "the file", f"is not YAML: {error}") from None
    parts = reader.mapping(whole, "the file", {"services"})
    services = reader.mapping(parts["services"], "services", None)
    if ADMIN not in services:
        raise PermissionsMalformed(path, "services", f"has no {ADMIN}")
    return Permissions(services={name: reader.allowed(name, value) for name, value in services.items()})


class _Reader:
    """Checks the parts of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def allowed(self, name: str, value: object) -> Allowed:
        parts = self.mapping(value, f"services.{name}", {"publish", "subscribe", "answers", "consumers"})
        if not isinstance(parts["answers"], bool):
            raise PermissionsMalformed(self._path, f"services.{name}.answers", "is not true or false")
        return Allowed(
            service=name,
            publish=self._subjects(parts["publish"], f"services.{name}.publish"),
            subscribe=self._subjects(parts["subscribe"], f"services.{name}.subscribe"),
            answers=parts["answers"],
            consumers={
                durable: self._subjects(filters, f"services.{name}.consumers.{durable}")
                for durable, filters in self.mapping(parts["consumers"], f"services.{name}.consumers", None).items()
            },
        )

    def mapping(self, value: object, field: str, keys: set[str] | None) -> dict[str, Any]:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise PermissionsMalformed(self._path, field, "is not a mapping")
        if keys is not None and set(value) != keys:
            raise PermissionsMalformed(self._path, field, f"must have exactly {', '.join(sorted(keys))}")
        return value

    def _subjects(self, value: object, field: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise PermissionsMalformed(self._path, field, "is not a list of subjects")
        return tuple(value)
