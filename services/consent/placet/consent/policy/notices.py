"""What a notice must say, and what differs between two of its versions.

Owns: the items of Order 19 Art 5 by pack, the classification of a change (wording, or what asks for consent again), and
the content hash.
Never: judges whether a text is true or clear: it can only see that it is there. Anchors: consent.md section 1, law.md
R15.
"""

import hashlib
from dataclasses import asdict
from enum import Enum

from placet.consent.errors import Invalid, NoticeIncomplete
from placet.consent.model.notices import ITEMS, NoticeContent, NoticeText
from placet.evidence import canonical

REQUIRED_LANGUAGES = {"cn-2025": ("zh-CN",)}
# Which item of the article asks for which field.
ARTICLES = {
    "controller_name": "cn-2025/art-5-1",
    "contact": "cn-2025/art-5-1",
    "purpose": "cn-2025/art-5-2",
    "method": "cn-2025/art-5-2",
    "retention": "cn-2025/art-5-2",
    "necessity": "cn-2025/art-5-3",
    "impact": "cn-2025/art-5-3",
    "rights": "cn-2025/art-5-4",
}
_MATERIAL = ("purpose", "method", "retention")


class Change(Enum):
    """How two versions of a notice differ."""

    NONE = "none"
    WORDING = "wording"
    # Consent must be asked again.
    MATERIAL = "material"


def content_hash(content: NoticeContent) -> bytes:
    """Return the notice's identity: SHA-256 of {`id`, `purposes`, `texts`} in canonical form, lists ascending."""
    return hashlib.sha256(canonical.encode(plain(content))).digest()


def plain(content: NoticeContent) -> dict[str, object]:
    """Return the content as JSON values."""
    return {
        "id": content.id,
        "purposes": list(content.purposes),
        "texts": [asdict(text) for text in content.texts],
    }


def missing_items(content: NoticeContent, law: str) -> list[tuple[str, str]]:
    """Return (field, article) of everything the law asks for and the notice lacks; required languages first."""
    lacking = [
        (f"notice.texts[{language}]", ARTICLES["controller_name"].rsplit("-", 1)[0])
        for language in REQUIRED_LANGUAGES[law]
        if language.lower() not in {own.lower() for own in content.languages}
    ]
    for text in content.texts:
        lacking += [
            (f"notice.texts[{text.language}].{item}", ARTICLES[item])
            for item in ITEMS
            if not getattr(text, item).strip()
        ]
    return lacking


def check_complete(content: NoticeContent, law: str) -> None:
    """Raise NoticeIncomplete naming every missing item with its article."""
    if lacking := missing_items(content, law):
        raise NoticeIncomplete(lacking)


def change(old: NoticeContent, new: NoticeContent) -> Change:
    """Classify the difference: material when purposes, or purpose, method or retention of a common language differ."""
    if old == new:
        return Change.NONE
    after = {text.language: text for text in new.texts}
    pairs = [(text, after[text.language]) for text in old.texts if text.language in after]
    if old.purposes != new.purposes or any(_differ(before, now) for before, now in pairs):
        return Change.MATERIAL
    return Change.WORDING


def _differ(old: NoticeText, new: NoticeText) -> bool:
    return any(getattr(old, item) != getattr(new, item) for item in _MATERIAL)


def check_speaks_of(content: NoticeContent, *, purpose: str | None, language: str) -> None:
    """Raise Invalid when the notice does not speak of that purpose, or not in that language."""
    if purpose is not None and purpose not in content.purposes:
        raise Invalid("purpose", f"The notice does not speak of purpose {purpose}. Publish one that does, and show it.")
    if language not in content.languages:
        spoken = ", ".join(sorted(content.languages))
        raise Invalid("language", f"The notice has no text in {language}; it speaks {spoken}.")
