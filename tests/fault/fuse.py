"""The kernel's side of a file system in user space: mounting, and its requests and answers as bytes.

Owns the wire format of /dev/fuse (linux/fuse.h, protocol 7.31), as far as SQLite, nats-server and Python need it.
Needs no library and no helper program: only the right to mount, which root has, and whoever runs in a namespace of
his own (`unshare -Urm`). Never decides what a file system does: see `cut_fs`.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

LOOKUP, FORGET, GETATTR, SETATTR = 1, 2, 3, 4
MAX_WRITE = 1 << 20
_IN = struct.Struct("<IIQQIIII")
_OUT = struct.Struct("<IiQ")
_ATTR = struct.Struct("<6Q10I")
_VALID_S = 3_600
_MS_NOSUID, _MS_NODEV, _MNT_DETACH = 2, 4, 2
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22


class Op(IntEnum):
    """The requests that are answered; any other gets ENOSYS, which the kernel takes for "not supported"."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    CREATE = 35
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42
    RENAME2 = 45


UNANSWERED = (Op.FORGET, Op.INTERRUPT, Op.BATCH_FORGET)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What stat shows of a node."""

    node: int
    mode: int
    size: int


def mount(point: str) -> int:
    """Mount at an existing directory and return the descriptor to serve; raises OSError."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},default_permissions"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"cutfs", point.encode(), b"fuse", _MS_NOSUID | _MS_NODEV, options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount at {point}: {os.strerror(number)}")
    return device


def unmount(point: str) -> None:
    """Unmount, also while it is in use."""
    ctypes.CDLL(None).umount2(point.encode(), _MNT_DETACH)


def serve_one(device: int, handle: Callable[[Op, int, bytes], bytes]) -> bool:
    """Answer one request; False once the file system is unmounted. `handle` takes (request, node, body)."""
    try:
        request = os.read(device, MAX_WRITE + 8_192)
    except OSError as error:
        if error.errno == errno.ENODEV:
            return False
        if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
            return True
        raise
    _, number, unique, node, *_ = _IN.unpack_from(request)
    failed, answer = 0, b""
    try:
        answer = handle(Op(number), node, request[_IN.size :])
    except ValueError:
        failed = errno.ENOSYS
    except OSError as error:
        failed = error.errno or errno.EIO
    if number not in UNANSWERED:
        try:
            os.write(device, _OUT.pack(_OUT.size + len(answer), -failed, unique) + answer)
        except OSError as error:
            if error.errno != errno.ENOENT:  # the caller was killed meanwhile
                raise
    return True


def init(_body: bytes) -> bytes:
    """Answer INIT."""
    flags = _BIG_WRITES | _MAX_PAGES
    return struct.pack("<4I2H2I2H8I", 7, 31, 0, flags, 16, 12, MAX_WRITE, 1, MAX_WRITE // 4_096, 0, *[0] * 8)


def _attributes(one: Attributes) -> bytes:
    blocks = (one.size + 511) // 512
    return _ATTR.pack(one.node, one.size, blocks, 0, 0, 0, 0, 0, 0, one.mode, 1, os.getuid(), os.getgid(), 0, 4_096, 0)


def entry(one: Attributes) -> bytes:
    """Answer LOOKUP, MKDIR, and the first half of CREATE."""
    return struct.pack("<4Q2I", one.node, 0, _VALID_S, _VALID_S, 0, 0) + _attributes(one)


def attributes(one: Attributes) -> bytes:
    """Answer GETATTR and SETATTR."""
    return struct.pack("<Q2I", _VALID_S, 0, 0) + _attributes(one)


def opened() -> bytes:
    """Answer OPEN and OPENDIR; handles are not used."""
    return struct.pack("<Q2I", 0, 0, 0)


def written(size: int) -> bytes:
    """Answer WRITE."""
    return struct.pack("<2I", size, 0)


def space() -> bytes:
    """Answer STATFS: room enough."""
    blocks = 1 << 24
    return struct.pack("<5Q10I", blocks, blocks, blocks, blocks, blocks, 4_096, 255, 4_096, *[0] * 7)


def listing(names: list[tuple[bytes, int, int]], offset: int, size: int) -> bytes:
    """Answer READDIR from a place on; `names` are (name, node, mode)."""
    found = b""
    for place, (name, node, mode) in enumerate(names[offset:], offset + 1):
        record = struct.pack("<2Q2I", node, place, len(name), mode >> 12) + name
        record += bytes(-len(record) % 8)
        if len(found) + len(record) > size:
            break
        found += record
    return found


def read_in(body: bytes) -> tuple[int, int]:
    """Read READ and READDIR: offset and size."""
    _, offset, size = struct.unpack_from("<QQI", body)
    return offset, size


def write_in(body: bytes) -> tuple[int, bytes]:
    """Read WRITE: offset and contents."""
    _, offset, size = struct.unpack_from("<QQI", body)
    return offset, body[40 : 40 + size]


def setattr_in(body: bytes) -> tuple[int | None, int | None]:
    """Read SETATTR: new size and new mode, each None if it stays."""
    valid, _, _, size = struct.unpack_from("<IIQQ", body)
    (mode,) = struct.unpack_from("<I", body, 68)
    return (size if valid & 8 else None), (mode if valid & 1 else None)


def strings(body: bytes) -> list[bytes]:
    """Read names, each ended by a zero byte."""
    return body.rstrip(b"\0").split(b"\0")
