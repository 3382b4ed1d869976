"""What a template is, in the clear and as it is stored, and the keys it is stored under.

Owns: templates, the places they are sealed to, wrapped keys, with their invariants in `__post_init__`.
Never: encrypts, compares, stores. What holds a vector or a key is redacted and not picklable.
Design: vault.md section 3, ISO/IEC 2382-37 for the words.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType
from uuid import UUID

import numpy as np
import numpy.typing as npt

from placet.evidence.terms import BasisOrdinal, Micros
from placet.kit.security.redacted import Redacted
from placet.vault.errors import TemplateInvalid

TemplateId = NewType("TemplateId", UUID)
MIN_DIMENSION = 64
MAX_DIMENSION = 4_096
MAX_QUALITY = 100
HASH_BYTES = 32
FLOAT_BYTES = 4
MAX_TIME = 253_402_300_799_999_999  # the last microsecond of the year 9999
_CODED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


class Vector(Redacted):
    """A face as numbers: float32, finite, not all zero; overwritten by `wipe`."""

    __slots__ = ("values",)

    def __init__(self, values: npt.NDArray[np.float32]) -> None:
        self.values = values

    @property
    def dimension(self) -> int:
        """Number of components."""
        return int(self.values.shape[0])

    @property
    def octets(self) -> memoryview:
        """The components as little-endian octets: a view, zeros once wiped."""
        return self.values.data.cast("B")

    def wipe(self) -> None:
        """Overwrite the components with zeros, in place."""
        self.values.fill(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateFacts:
    """What may be known about a template without opening it."""

    model_id: str
    model_sha256: bytes
    dimension: int
    quality: int
    # 0: not stated.
    captured_at: Micros

    def __post_init__(self) -> None:
        # Invariant: MIN_DIMENSION <= dimension <= MAX_DIMENSION; 0 <= quality <= MAX_QUALITY; a 32-byte model hash.
        if not MIN_DIMENSION <= self.dimension <= MAX_DIMENSION:
            raise TemplateInvalid("dimension", f"must be {MIN_DIMENSION} to {MAX_DIMENSION}")
        if not _CODED.fullmatch(self.model_id):
            raise TemplateInvalid("model_id", "must be a coded id: 1 to 64 of A-Z a-z 0-9 . _ : -, a letter first")
        if len(self.model_sha256) != HASH_BYTES:
            raise TemplateInvalid("model_sha256", "must be the SHA-256 of the model: 32 bytes")
        if not 0 <= self.quality <= MAX_QUALITY:
            raise TemplateInvalid("quality", f"must be 0 to {MAX_QUALITY} (ISO/IEC 29794-1)")
        if not 0 <= self.captured_at <= MAX_TIME:
            raise TemplateInvalid("captured_at", "must be microseconds since 1970 UTC, or 0 when not stated")


@dataclass(frozen=True, kw_only=True, slots=True)
class Template(Redacted):
    """A template or a probe in the clear: for one call, and wiped at its end."""

    facts: TemplateFacts
    vector: Vector


def read_template(octets: bytes, facts: TemplateFacts) -> Template:
    """Return the template of float32 little-endian `octets`, copied into a buffer that can be overwritten.

    Raises TemplateInvalid when the length is not 4 x dimension, or a component is NaN or infinite, or all are zero.
    """
    if len(octets) != facts.dimension * FLOAT_BYTES:
        raise TemplateInvalid("vector", f"must be 4 bytes a dimension: {facts.dimension * FLOAT_BYTES} bytes")
    values = np.frombuffer(octets, dtype="<f4").copy()
    vector = Vector(values)
    if not np.isfinite(values).all():
        vector.wipe()
        raise TemplateInvalid("vector", "has a component that is NaN or infinite")
    if not values.any():
        raise TemplateInvalid("vector", "is all zero")
    return Template(facts=facts, vector=vector)


@contextmanager
def wiped(vector: Vector) -> Iterator[Vector]:
    """Lend a vector and overwrite it afterwards, whatever happens."""
    try:
        yield vector
    finally:
        vector.wipe()


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a template belongs: it opens nowhere else (this is the additional data of its encryption)."""

    controller: str
    basis: BasisOrdinal
    template_id: TemplateId
    model_sha256: bytes
    dimension: int
    kek_version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WrappedKey(Redacted):
    """A key encrypted under version `version` of the key above it."""

    shown = ("version",)

    version: int
    blob: bytes


class KeyPurpose(StrEnum):
    """What a controller's key is for: one key, one purpose."""

    TEMPLATES = "templates"  # wraps the data keys
    REQUESTS = "requests"  # keys the digests of requests


@dataclass(frozen=True, kw_only=True, slots=True)
class ControllerKey:
    """A key of one controller, wrapped under the root key."""

    controller: str
    purpose: KeyPurpose
    version: int
    wrapped: WrappedKey


@dataclass(frozen=True, kw_only=True, slots=True)
class SealedTemplate(Redacted):
    """A template as it is stored: ciphertext and what may be known without a key."""

    shown = ("place",)

    place: Place
    facts: TemplateFacts
    nonce: bytes
    blob: bytes
    enrolled_at: Micros


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """One stored template, as anyone who may look sees it."""

    template_id: TemplateId
    facts: TemplateFacts
    enrolled_at: Micros


@dataclass(frozen=True, kw_only=True, slots=True)
class DataKey(Redacted):
    """The key of one basis, wrapped under the controller's key of version `wrapped.version`."""

    shown = ("controller", "basis")

    controller: str
    basis: BasisOrdinal
    wrapped: WrappedKey


def new_uuid(random: Callable[[int], bytes]) -> UUID:
    """Return a random UUID (version 4) from 16 random bytes."""
    return UUID(bytes=random(16), version=4)
