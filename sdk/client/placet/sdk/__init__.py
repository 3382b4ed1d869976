"""The Placet client: ask before a face is processed, and get an answer that is proven to be in the ledger.

    with Client(Config.from_file("var/dev/demo.json")) as placet:
        with placet.permit(customer="C-1042", purpose="payment", device="cam-3", operation="verify") as permitted:
            match = placet.match(permitted.permit, probe)

Every answer that rests on the ledger is verified under the pinned key before it is returned. No protobuf type is part of
this interface. Start at `Client` or `AsyncClient`; errors are in `placet.sdk.errors`.
"""

from placet.sdk.client import AsyncClient
from placet.sdk.config import Coalescing, Config, OperatorConfig, Targets, Tls, TokenFile
from placet.sdk.errors import (
    AlreadyExists,
    ConfigError,
    Conflict,
    Corrupt,
    Denied,
    Exhausted,
    Forbidden,
    Internal,
    Invalid,
    Kind,
    NotFound,
    NotServed,
    PlacetError,
    Precondition,
    ProofError,
    Unauthenticated,
    Unreachable,
)
from placet.sdk.model.faces import Checked, Customer, Decision, FaceEvent, Permitted, PermitWish
from placet.sdk.subject import ReferenceKey, SubjectRef, SubjectReferences

__all__ = (
    "AlreadyExists",
    "AsyncClient",
    "Checked",
    "Coalescing",
    "Config",
    "ConfigError",
    "Conflict",
    "Corrupt",
    "Customer",
    "Decision",
    "Denied",
    "Exhausted",
    "FaceEvent",
    "Forbidden",
    "Internal",
    "Invalid",
    "Kind",
    "NotFound",
    "NotServed",
    "OperatorConfig",
    "PermitWish",
    "Permitted",
    "PlacetError",
    "Precondition",
    "ProofError",
    "ReferenceKey",
    "SubjectRef",
    "SubjectReferences",
    "Targets",
    "Tls",
    "TokenFile",
    "Unauthenticated",
    "Unreachable",
)
