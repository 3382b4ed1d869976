"""Notices: what is shown to a person before they are asked, and the record that it was shown.

Owns: the content of a notice, its published versions, served-notice records.
Never: decides whether a notice is complete (`policy.notices`). Anchors: consent.md section 1, Order 19 Art 5.
"""

from dataclasses import dataclass

from placet.consent.errors import Invalid, missing, too_large
from placet.consent.model import checks
from placet.consent.model.vocabulary import Channel, Controller, Instant, LeafIndex, PersonKey, ServedId, StepId

# The items of Order 19 Art 5, in the order of the article, each a field of NoticeText.
ITEMS = ("controller_name", "contact", "purpose", "method", "retention", "necessity", "impact", "rights")
MAX_TEXT = 20_000
MAX_LANGUAGES = 32
MAX_PURPOSES = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeText:
    """One language of a notice."""

    language: str
    title: str
    controller_name: str
    contact: str
    purpose: str
    method: str
    retention: str
    necessity: str
    impact: str
    rights: str

    def __post_init__(self) -> None:
        checks.language("notice.texts.language", self.language)
        for name in ("title", *ITEMS):
            value = checks.text(f"notice.texts[{self.language}].{name}", getattr(self, name), limit=MAX_TEXT)
            object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeContent:
    """What a version of a notice says. Its SHA-256 in canonical form is its identity."""

    id: str
    # Ascending, without duplicates.
    purposes: tuple[str, ...]
    # Ascending by language.
    texts: tuple[NoticeText, ...]

    def __post_init__(self) -> None:
        checks.code("notice.id", self.id)
        object.__setattr__(self, "purposes", _purposes(self.purposes))
        object.__setattr__(self, "texts", _texts(self.texts))

    @property
    def languages(self) -> frozenset[str]:
        """The languages it speaks."""
        return frozenset(text.language for text in self.texts)


def _purposes(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise missing("notice.purposes", "the purposes that the notice speaks of")
    if len(values) > MAX_PURPOSES:
        raise too_large("notice.purposes", f"{MAX_PURPOSES} purposes")
    if len(set(values)) != len(values):
        raise Invalid("notice.purposes", "notice.purposes names the same purpose twice.")
    return tuple(sorted(checks.code(f"notice.purposes[{at}]", value) for at, value in enumerate(values)))


def _texts(values: tuple[NoticeText, ...]) -> tuple[NoticeText, ...]:
    if not values:
        raise missing("notice.texts", "the text in at least one language")
    if len(values) > MAX_LANGUAGES:
        raise too_large("notice.texts", f"{MAX_LANGUAGES} languages")
    if len({text.language.lower() for text in values}) != len(values):
        raise Invalid("notice.texts", "notice.texts holds the same language twice.")
    return tuple(sorted(values, key=lambda text: text.language))


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A published version of a notice. Immutable: a change is a new version."""

    controller: Controller
    content: NoticeContent
    # Invariant: 1, 2, 3, ... for each (controller, id); no two versions have the same content hash.
    version: int
    content_hash: bytes
    published_at: Instant
    # The step that brings `notice.published` into the ledger.
    step: StepId
    # Index of that entry; None until it is there.
    index: LeafIndex | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedNotice:
    """That a notice was shown to a person, before asking."""

    controller: Controller
    id: ServedId
    person: PersonKey
    notice_hash: bytes
    language: str
    channel: Channel
    device: str | None
    rendered_hash: bytes | None
    served_at: Instant
    digest: bytes
