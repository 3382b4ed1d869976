"""The envelope of what services tell one another over JetStream: that something happened, in ledger ids only.

Owns its JSON form and its subject, `placet.msg.<controller>.<service>.<kind>`. A message never carries a subject
reference, a name or a template: whoever needs more asks the service that owns it. Every message may come twice or out
of order: `id` tells the first, `index` (position in the controller's log, where there is one) the second.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from placet.kit.bus import frames
from placet.kit.errors import Invalid

STREAM: Final = "PLACET"
SUBJECTS: Final = "placet.msg.>"
_NAME: Final = r"^[A-Za-z0-9_-]{1,64}$"
_KIND: Final = r"^[a-z0-9_]{1,64}(\.[a-z0-9_]{1,64}){0,3}$"


class Message(Struct, frozen=True, kw_only=True):
    """One fact. `at` is in unix microseconds; `index` and `basis` are None where the fact has none."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    controller: Annotated[str, Meta(pattern=_NAME)]
    service: Annotated[str, Meta(pattern=_NAME)]
    kind: Annotated[str, Meta(pattern=_KIND)]
    at: Annotated[int, Meta(ge=0)]
    index: Annotated[int, Meta(ge=0)] | None = None
    basis: Annotated[int, Meta(ge=0)] | None = None
    data: dict[str, Any] = {}

    @property
    def subject(self) -> str:
        """Return the subject it is published on."""
        return f"placet.msg.{self.controller}.{self.service}.{self.kind}"


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Message)


def filter_subject(service: str, kind: str = ">", controller: str = "*") -> str:
    """Return the filter for a service's messages of one kind (or all) of one controller (or all)."""
    return f"placet.msg.{controller}.{frames.token(service, 'service')}.{kind}"


def encode_message(message: Message) -> bytes:
    """Return the message as JSON; raises Invalid if a receiver would refuse it."""
    data = _ENCODER.encode(message)
    decode_message(data)
    return data


def decode_message(data: bytes, subject: str | None = None) -> Message:
    """Read a message; raises Invalid naming the field, also if it does not belong to the subject it came on."""
    try:
        message = _DECODER.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        text, _, at = str(error).partition(" - at `$")
        raise Invalid(f"message{at.rstrip('`')}", f"is not a message: {text}", reason="REQUEST_MALFORMED") from None
    if subject is not None and message.subject != subject:
        raise Invalid("message", f"says it belongs to {message.subject}, but came on another subject")
    return message
