"""docs/rpcs.md, made from the protos: every RPC with who may call it, what goes in and out, and its comment.

Owns the page's text around the tables. Roles come from the option `placet.api.common.v1.access`, the same one that the
guard enforces; comments from the source, through protoc. `make docs` writes the page; a test fails when it is stale.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from architecture.workspace import ROOT
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from grpc_tools import protoc

from placet.api.common.v1 import access_pb2

PAGE = ROOT / "docs" / "rpcs.md"
PROTOS = ROOT / "protos" / "proto"
# Field numbers of descriptor.proto, which the paths of comments are made of.
_MESSAGES, _ENUMS, _SERVICES, _METHODS, _NESTED, _NESTED_ENUMS = 4, 5, 6, 2, 3, 4
HEAD = """\
# RPCs

<!-- Made by `make docs` from protos/. Do not edit. -->

Every RPC that Placet serves, from `protos/proto`. A call carries `authorization: Bearer <JWT>`; the token must name the
request's controller and have **one** of the roles listed. What each role is for stands in
`protos/proto/placet/api/common/v1/access.proto`; errors are in [errors.md](errors.md).

In all messages: an `int64` is a time in microseconds since 1970 UTC; ids of purposes, sites and devices are codes
(`[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`); an `id` that is a UUID is the idempotency key: the same request with the same id
gives the same answer. Fields are explained in the `.proto` files.
"""


@dataclass(frozen=True)
class Described:
    """A message, enum, service, RPC or field: its full name, its comment (empty: none) and its descriptor."""

    name: str
    comment: str
    descriptor: Any


@cache
def files() -> tuple[FileDescriptorProto, ...]:
    """Compile the protos with their comments; returns Placet's own files, in the order of their paths."""
    paths = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    builtin = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        flags = [f"-I{PROTOS}", f"-I{builtin}", "--include_source_info", f"--descriptor_set_out={out}"]
        if protoc.main(["protoc", *flags, *paths]):
            raise RuntimeError("protoc failed")
        compiled = FileDescriptorSet.FromString(out.read_bytes())
    return tuple(compiled.file)


def comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    """Return the comment before each declaration, by its path in the descriptor, as one line."""
    return {
        tuple(place.path): " ".join(place.leading_comments.split())
        for place in file.source_code_info.location
        if place.leading_comments.strip()
    }


def services() -> Iterator[tuple[Described, list[Described]]]:
    """Every service with its RPCs."""
    for file in files():
        said = comments(file)
        for at, service in enumerate(file.service):
            name = f"{file.package}.{service.name}"
            rpcs = [
                Described(f"{name}/{rpc.name}", said.get((_SERVICES, at, _METHODS, n), ""), rpc)
                for n, rpc in enumerate(service.method)
            ]
            yield Described(name, said.get((_SERVICES, at), ""), service), rpcs


def messages() -> Iterator[Described]:
    """Every message, nested ones included."""
    for file in files():
        for path, scope, message in _messages(file):
            yield Described(f"{scope}.{message.name}", comments(file).get(path, ""), message)


def enums() -> Iterator[Described]:
    """Every enum, nested ones included."""
    for file in files():
        said = comments(file)
        for at, enum in enumerate(file.enum_type):
            yield Described(f"{file.package}.{enum.name}", said.get((_ENUMS, at), ""), enum)
        for path, scope, message in _messages(file):
            for at, enum in enumerate(message.enum_type):
                name = f"{scope}.{message.name}.{enum.name}"
                yield Described(name, said.get((*path, _NESTED_ENUMS, at), ""), enum)


def _messages(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str, DescriptorProto]]:
    """Every message of a file with its path and the name of what it stands in."""
    waiting = [((_MESSAGES, at), file.package, message) for at, message in enumerate(file.message_type)]
    while waiting:
        path, scope, message = waiting.pop(0)
        yield path, scope, message
        inner = f"{scope}.{message.name}"
        waiting += [((*path, _NESTED, at), inner, nested) for at, nested in enumerate(message.nested_type)]


def roles(rpc: MethodDescriptorProto) -> list[str]:
    """Return who may call an RPC, in the order of the proto."""
    granted = rpc.options.Extensions[access_pb2.access].any_of
    return [access_pb2.Role.Name(role).removeprefix("ROLE_").lower() for role in granted]


def render() -> str:
    """Return the page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield HEAD
    for service, rpcs in services():
        yield f"## {service.name}\n"
        yield f"{service.comment}\n"
        yield "| RPC | roles | what it does |"
        yield "|---|---|---|"
        for rpc in rpcs:
            said = rpc.comment + _streams(rpc.descriptor)
            yield f"| {rpc.descriptor.name} | {', '.join(roles(rpc.descriptor))} | {said} |"
        yield ""


def _streams(rpc: MethodDescriptorProto) -> str:
    if rpc.client_streaming and rpc.server_streaming:
        return " (Requests and answers are streams.)"
    return " (The answer is a stream.)" if rpc.server_streaming else ""
