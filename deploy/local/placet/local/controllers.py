"""Controllers of a local mesh: created through audit like anywhere else, and the files their clients are set up with.

Owns: calling CreateController with an operator's token, and `clients/<controller>.json`, which `placet.sdk` reads
(Config.from_file): mode 0600, because it leads to the token and holds the reference key.
Never: makes a new reference key where there is one, for losing it loses every link to a person (architecture.md).
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc.aio

from placet.api.audit.v1 import audit_pb2, audit_pb2_grpc
from placet.local.errors import DidNotCreate
from placet.local.files import write
from placet.local.issuer import Issuer

# Everything but `operator`, which reads nothing, and `regulator`, who is an outsider.
CLIENT_ROLES: Final = (
    "approve_dpo", "approve_legal", "auditor", "capture", "dpo", "enrol", "process", "register", "request",
)  # fmt: skip
_WITHIN_S: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ControllerFiles:
    """One controller and where its client's files are."""

    controller: str
    origin: str
    vkey: str
    config: Path
    token_file: Path


class Controllers:
    """Creates controllers and writes their files below `folder`."""

    def __init__(self, folder: Path, issuer: Issuer, targets: Mapping[str, str], gateway: str | None) -> None:
        self._folder = folder
        self._issuer = issuer
        self._targets = dict(targets)
        self._gateway = gateway

    async def create(self, controller: str, roles: Iterable[str] = CLIENT_ROLES) -> ControllerFiles:
        """Create a controller, or take the one that exists, and write its client's files. Raises DidNotCreate."""
        details = await self._created(controller)
        files = ControllerFiles(
            controller=controller,
            origin=details.origin,
            vkey=details.verifier_key,
            config=self._folder / f"{controller}.json",
            token_file=self._folder / f"{controller}.token",
        )
        write(files.token_file, self._issuer.mint(f"dev@{controller}", [controller], roles))
        write(files.config, json.dumps(self._config(files), indent=2) + "\n")
        return files

    def _config(self, files: ControllerFiles) -> dict[str, Any]:
        return {
            "controller": files.controller,
            "targets": self._targets,
            "token_file": files.token_file.name,
            "log_vkey": files.vkey,
            "reference_key": self._reference_key(files.controller),
            "gateway": self._gateway,
            "receipts": f"{files.controller}.receipts",
        }

    def _reference_key(self, controller: str) -> str:
        path = self._folder / f"{controller}.reference"
        if not path.exists():
            write(path, secrets.token_hex(32))
        return path.read_text().strip()

    async def _created(self, controller: str) -> audit_pb2.Controller:
        token = self._issuer.mint("operator@placet-dev", [controller], ["operator"], lifetime=60)
        async with grpc.aio.insecure_channel(self._targets["audit"]) as channel:
            try:
                answer = await audit_pb2_grpc.AuditServiceStub(channel).CreateController(
                    audit_pb2.CreateControllerRequest(controller=controller),
                    timeout=_WITHIN_S,
                    metadata=(("authorization", f"Bearer {token}"),),
                )
            except grpc.aio.AioRpcError as error:
                raise DidNotCreate(controller, f"{error.code().name}: {error.details()}") from None
        return answer.details
