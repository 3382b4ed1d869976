"""Signed notes: a text, an empty line, and signature lines (C2SP `signed-note`).

Owns the format, byte for byte; the keys are `placet.tlog.keys` (re-exported here), what the text means is the reader's
business (`placet.tlog.checkpoint`). Never trusts a text without a verified signature, and never a note in which a known
key's signature fails.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import EncodingError, NoteError
from placet.tlog.keys import (
    KEY_ID_SIZE,
    KeyType,
    NoteSigner,
    NoteVerifier,
    Signer,
    Verifier,
    Vkey,
    format_vkey,
    key_id,
    parse_vkey,
    require_key_name,
)

__all__ = (
    "MAX_NOTE_BYTES",
    "MAX_SIGNATURES",
    "KeyType",
    "Note",
    "NoteSigner",
    "NoteVerifier",
    "Signature",
    "Signer",
    "Verifier",
    "Vkey",
    "add_signatures",
    "format_vkey",
    "key_id",
    "open_note",
    "parse_vkey",
    "sign_note",
    "split_note",
)

MAX_NOTE_BYTES: Final = 1 << 20
MAX_SIGNATURES: Final = 100
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature line: whose key it names, and the signature after the key id."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return the line as it stands in a note, with its newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """An opened note: its text, the verified signature of each known key that signed, and those of unknown keys."""

    text: str
    verified: tuple[tuple[Vkey, Signature], ...]
    unknown: tuple[Signature, ...]


def sign_note(text: str, signers: Iterable[NoteSigner]) -> str:
    """Return the note of `text` (which ends in a newline) signed by each signer in turn.

    Raises NoteError if the text cannot be a note's or there is no signer.
    """
    _require_text(text)
    data = text.encode()
    lines = [
        Signature(name=signer.vkey.name, key_id=signer.vkey.key_id, signature=signer.sign(data)).line()
        for signer in signers
    ]
    if not lines:
        _refuse("SIGNATURE", "a note needs at least one signer", "signers")
    return f"{text}\n{''.join(lines)}"


def add_signatures(note: str, lines: Iterable[str]) -> str:
    """Return the note with further signature lines (a witness's, say) after its own; raises NoteError if malformed."""
    extended = note + "".join(lines)
    split_note(extended)
    return extended


def split_note(note: str) -> tuple[str, tuple[Signature, ...]]:
    """Return text and signatures of a note, none of them verified; raises NoteError if it is malformed.

    The text ends before the LAST empty line and includes its final newline.
    """
    if len(_utf8(note)) > MAX_NOTE_BYTES:
        _refuse("NOTE_SIZE", f"a note has at most {MAX_NOTE_BYTES} bytes", "note")
    cut = note.rfind("\n\n")
    if cut < 0 or not note.endswith("\n"):
        _refuse("NOTE", "a note is a text, an empty line and signature lines, each ending in a newline", "note")
    text, lines = note[: cut + 1], note[cut + 2 :].split("\n")[:-1]
    _require_text(text)
    if not 1 <= len(lines) <= MAX_SIGNATURES:
        _refuse("SIGNATURE", f"a note has 1 to {MAX_SIGNATURES} signatures, got {len(lines)}", "signatures")
    return text, tuple(_parse_signature(line) for line in lines)


def open_note(note: str, verifiers: Iterable[NoteVerifier]) -> Note:
    """Return the note once a known key's signature is verified and none of a known key fails.

    Signatures by unknown keys (another name or another key id) are ignored. Raises NoteError otherwise.
    """
    text, signatures = split_note(note)
    known = _by_name_and_id(verifiers)
    data = text.encode()
    verified: dict[tuple[str, bytes], tuple[Vkey, Signature]] = {}
    unknown = []
    for signature in signatures:
        key = (signature.name, signature.key_id)
        verifier = known.get(key)
        if verifier is None:
            unknown.append(signature)
        elif verifier.verify(data, signature.signature):
            verified.setdefault(key, (verifier.vkey, signature))
        else:
            _refuse(
                "BAD_SIGNATURE", f"the signature by {signature.name} is wrong; trust nothing in this note", "signatures"
            )
    if not verified:
        _refuse("UNVERIFIED", "no signature is by a known key; pin the verifier key of whoever signed it", "signatures")
    return Note(text=text, verified=tuple(verified.values()), unknown=tuple(unknown))


def _by_name_and_id(verifiers: Iterable[NoteVerifier]) -> dict[tuple[str, bytes], NoteVerifier]:
    known: dict[tuple[str, bytes], NoteVerifier] = {}
    for verifier in verifiers:
        key = (verifier.vkey.name, verifier.vkey.key_id)
        if key in known and known[key].vkey != verifier.vkey:
            _refuse(
                "AMBIGUOUS", f"two keys share the name {key[0]} and the id {key[1].hex()}; replace one", "verifiers"
            )
        known[key] = verifier
    return known


def _require_text(text: str) -> None:
    if not text.endswith("\n"):
        _refuse("TEXT", "the text of a note ends in a newline", "text")
    if _CONTROL.search(text):
        _refuse("TEXT", "the text of a note has no control characters but newlines", "text")
    _utf8(text)


def _parse_signature(line: str) -> Signature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator:
        _refuse("SIGNATURE", "a signature line is: em dash, space, key name, space, base64", "signatures")
    require_key_name(name)
    try:
        blob = decode_base64(encoded, field="signature")
    except EncodingError as error:
        raise NoteError("SIGNATURE", str(error), field="signatures") from error
    if len(blob) <= KEY_ID_SIZE:
        _refuse("SIGNATURE", f"the signature by {name} has no bytes after its key id", "signatures")
    return Signature(name=name, key_id=blob[:KEY_ID_SIZE], signature=blob[KEY_ID_SIZE:])


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NoteError("UTF8", "lone surrogates cannot be written in UTF-8; remove them", field="note") from error


def _refuse(reason: str, message: str, field: str) -> NoReturn:
    raise NoteError(reason, message, field=field)
