"""Notices, consents and guardianships to and from protobuf."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from hashlib import sha256
from typing import Any

from placet.api.consent.v1 import consent_pb2 as pb
from placet.evidence.canonical import encode
from placet.sdk.errors import Invalid
from placet.sdk.model.consents import Consent, Guardianship, Notice, NoticeText
from placet.sdk.vocabulary import BasisOrdinal, LeafIndex, Micros, Operation
from placet.sdk.wire.words import CONSENT_STATE, GUARDIAN_KIND, GUARDIANSHIP_STATE, OPERATION

_TEXT = tuple(one.name for one in fields(NoticeText))


def notice_to_pb(notice_id: str, purposes: Iterable[str], texts: Iterable[NoticeText]) -> pb.Notice:
    """Return the message of a notice to be published."""
    return pb.Notice(
        id=notice_id,
        purposes=list(purposes),
        texts=[pb.NoticeText(**{name: getattr(text, name) for name in _TEXT}) for text in texts],
    )


def notice_of(notice: pb.Notice) -> Notice:
    """Return a published notice."""
    return Notice(
        id=notice.id,
        version=notice.version,
        purposes=tuple(notice.purposes),
        texts=tuple(NoticeText(**{name: getattr(text, name) for name in _TEXT}) for text in notice.texts),
        content_hash=notice.content_hash,
        published_at=Micros(notice.published_at),
    )


def content_hash(notice: pb.Notice) -> bytes:
    """Return the identity of a notice: SHA-256 of {id, purposes, texts} in canonical form, lists ascending."""
    content = {
        "id": notice.id,
        "purposes": sorted(set(notice.purposes)),
        "texts": sorted(
            ({name: getattr(text, name) for name in _TEXT} for text in notice.texts), key=lambda text: text["language"]
        ),
    }
    return sha256(encode(content)).digest()


def operations_to_pb(operations: Sequence[Operation], field: str = "operations") -> list[Any]:
    """Return the numbers of operations; raises Invalid for an unknown word, or a single word instead of several."""
    if isinstance(operations, str):
        raise Invalid("FIELD_INVALID", f"{field} is one text; give a sequence of operations", field=field)
    return [OPERATION.number(f"{field}[{at}]", one) for at, one in enumerate(operations)]


def consent_of(consent: pb.Consent) -> Consent:
    """Return a consent record."""
    return Consent(
        id=consent.id,
        state=CONSENT_STATE.word(consent.state),
        purpose=consent.purpose,
        operations=tuple(OPERATION.word(number) for number in consent.operations),
        sites=tuple(consent.sites),
        egress=consent.egress,
        not_before=Micros(consent.not_before),
        not_after=Micros(consent.not_after),
        basis=BasisOrdinal(consent.basis) if consent.HasField("basis") else None,
        granted=LeafIndex(consent.granted) if consent.HasField("granted") else None,
        ended=LeafIndex(consent.ended) if consent.HasField("ended") else None,
        notice_hash=consent.notice_hash,
        guardianships=tuple(consent.guardianships),
        decided_at=Micros(consent.decided_at),
        max_events=consent.max_events,
        minor=consent.minor,
    )


def guardianship_of(guardianship: pb.Guardianship) -> Guardianship:
    """Return a guardianship."""
    return Guardianship(
        id=guardianship.id,
        state=GUARDIANSHIP_STATE.word(guardianship.state),
        kind=GUARDIAN_KIND.word(guardianship.kind),
        not_after=Micros(guardianship.not_after),
        bases=tuple(BasisOrdinal(basis) for basis in guardianship.bases),
    )
