"""What the bench needs in its mesh: registers with several purposes and devices, consents, varied events."""

import hashlib
import itertools
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.permission.v1 import permission_pb2 as pb
from placet.sdk import (
    AsyncClient,
    Attestation,
    Channel,
    Device,
    Expression,
    Inference,
    NationalChannel,
    NoticeText,
    Operation,
    PlaceClass,
    Purpose,
    Site,
    Storage,
)

PURPOSES = ("payment", "access", "pickup")
DEVICES = tuple(f"counter-{n}" for n in range(8))
PEOPLE = 100
INFERENCES = (Inference.NONE, Inference.GENDER, Inference.AGE)
CHANNELS = (NationalChannel.OFFERED, NationalChannel.USED, NationalChannel.UNAVAILABLE)
# Of the 76 bits after the version: all but the two of the variant.
_VARIANT = (1 << 76) - 1 & ~(3 << 62)
_INFERENCE_NUMBERS = {one: words.Inference.Value(f"INFERENCE_{one.name}") for one in INFERENCES}
_CHANNEL_NUMBERS = {one: words.NationalChannel.Value(f"NATIONAL_CHANNEL_{one.name}") for one in CHANNELS}


def sha(text: str) -> bytes:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).digest()


async def furnish(client: AsyncClient) -> None:
    """Fill the registers and have everybody consent to every purpose."""
    later = datetime.now(UTC) + timedelta(days=300)
    await _registers(client, later)
    text = {name: "x" for name in NoticeText.__slots__ if name != "language"}
    notice = await client.publish_notice(
        notice_id="bench", purposes=PURPOSES, texts=[NoticeText(language=one, **text) for one in ("zh-CN", "en")]
    )
    for person, purpose in itertools.product(range(PEOPLE), PURPOSES):
        seen = notice.notice.content_hash
        served = await client.record_notice_served(
            customer=f"person-{person}", notice_hash=seen, language="zh-CN", channel=Channel.WEB
        )
        await client.capture_consent(
            customer=f"person-{person}",
            purpose=purpose,
            notice_hash=seen,
            notice_served=served,
            operations=[Operation.VERIFY],
            expression=Expression.CLICK,
            not_after=later,
        )


async def _registers(client: AsyncClient, later: datetime) -> None:
    for purpose in PURPOSES:
        await client.put_purpose(
            Purpose(
                id=purpose,
                necessity="asked for",
                operations=(Operation.VERIFY,),
                inferences=INFERENCES,
                storage=Storage.DEVICE,
                retention_days=90,
                assessment_sha256=sha(purpose),
                assessment_valid_until=later,
                reviewed_by="actor-1",
                reviewed_at=datetime.now(UTC),
                alternative="card",
            )
        )
    counter = PlaceClass.BRANCH_COUNTER
    await client.put_site(Site(id="branch-1", place_class=counter))
    for device in DEVICES:
        await client.put_device(
            Device(
                id=device,
                site="branch-1",
                place_class=counter,
                sign_sha256=sha(device),
                sign_valid_until=later,
                collection_area_set=True,
                alternative="card",
            )
        )
    attestation = Attestation(protection_valid_until=later, filing_current=True, refusal_equal=True)
    await client.put_attestation(attestation)


class Events:
    """Makes varied events: for the bare stub as protobuf, for the SDK as arguments. Every one is to be allowed."""

    def __init__(self, subject: Callable[[str], bytes]) -> None:
        dice = random.Random(7)  # noqa: S311 - varied, and the same in each run
        self._subjects = {f"person-{n}": subject(f"person-{n}") for n in range(PEOPLE)}
        names = list(self._subjects)
        kinds = [
            (dice.choice(PURPOSES), dice.choice(DEVICES), dice.choice(INFERENCES), dice.choice(CHANNELS))
            for _ in range(512)
        ]
        self._kinds = itertools.cycle((dice.choice(names), *kind) for kind in kinds)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `authorize` for the next event."""
        person, purpose, device, inference, channel = next(self._kinds)
        return {
            "customer": person,
            "purpose": purpose,
            "device": device,
            "operation": Operation.VERIFY,
            "inference": inference,
            "national_channel": channel,
        }

    def message(self) -> pb.FaceEvent:
        """Return the next event as protobuf."""
        person, purpose, device, inference, channel = next(self._kinds)
        return pb.FaceEvent(
            id=uuid7(),
            subject=self._subjects[person],
            purpose=purpose,
            device=device,
            operation=words.OPERATION_VERIFY,
            inference=_INFERENCE_NUMBERS[inference],
            national_channel=_CHANNEL_NUMBERS[channel],
            occurred=time.time_ns() // 1_000,
        )


def uuid7() -> str:
    """Return a UUIDv7."""
    digits = f"{time.time_ns() // 1_000_000:012x}7{random.getrandbits(76) & _VARIANT | 2 << 62:019x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
