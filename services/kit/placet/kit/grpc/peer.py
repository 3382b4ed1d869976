"""What is known of the connection that a call came over.

Owns: the thumbprint of a client's TLS certificate, which permits are bound to (`cnf`, RFC 8705 section 3.1).
Never: decides who the caller is: that is the token.
"""

import base64
import ssl
from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeAlias

import grpc.aio

Thumbprint: TypeAlias = Callable[[grpc.aio.ServicerContext[Any, Any]], str | None]


def thumbprint_reader(*, certificates: bool) -> Thumbprint:
    """Return how to read a caller's thumbprint; without client certificates there is none, and nothing to look up."""
    return certificate_thumbprint if certificates else lambda _: None


def certificate_thumbprint(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    """Return `x5t#S256` of the client's certificate (base64url, unpadded, SHA-256 of its DER), or None without one."""
    found = (context.auth_context() or {}).get("x509_pem_cert")
    if not found:
        return None
    der = ssl.PEM_cert_to_DER_cert(bytes(next(iter(found))).decode("ascii").strip())
    return base64.urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode("ascii")
