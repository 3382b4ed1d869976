"""Publishes notices, gives them back, and records that one was shown.

Owns: the use cases PublishNotice, GetNotice, ListNotices, RecordNoticeServed.
Never: changes a published version. Anchors: consent.md section 1, Order 19 Art 5.
"""

from dataclasses import dataclass
from functools import partial

from placet.consent.errors import (
    IdempotencyConflict,
    Invalid,
    NotFound,
    NoticeNotYetPublished,
)
from placet.consent.handlers import steps
from placet.consent.handlers.delivery import Accepted, carry_out, check_time
from placet.consent.handlers.existing import receipt_of
from placet.consent.model.commands import PublishNotice, RecordServed
from placet.consent.model.notices import Notice, ServedNotice
from placet.consent.model.steps import Receipt
from placet.consent.model.vocabulary import CLOCK_TOLERANCE, NOBODY, Controller, Instant, ServedId
from placet.consent.policy import digests
from placet.consent.policy import notices as rules
from placet.consent.ports import Ports, Records


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A version of a notice and the receipt of its entry."""

    notice: Notice
    receipt: Receipt


async def publish(asked: PublishNotice, *, ports: Ports, now: Instant, deadline: Instant) -> Published:
    """Publish a version of a notice; identical content again returns the version it has, whichever is newest by now.

    Raises NoticeIncomplete with every missing item, ControllerClosed, AcceptedLater.
    """
    check_time(now, deadline)
    rules.check_complete(asked.content, ports.law)
    await ports.controllers.require_open(asked.controller, deadline=deadline)
    accept = partial(_accept, asked=asked, content_hash=rules.content_hash(asked.content), ports=ports, now=now)
    return await carry_out("The notice", accept, ports=ports, now=now, deadline=deadline)


def _accept(
    records: Records, asked: PublishNotice, content_hash: bytes, ports: Ports, now: Instant
) -> Accepted[Published]:
    known = records.notice(asked.controller, content_hash) or _new(records, asked, content_hash, ports, now)
    return Accepted(
        controller=asked.controller,
        person=NOBODY,
        wanted=(known.step,),
        answer=partial(_published, controller=asked.controller, content_hash=content_hash),
    )


def _new(records: Records, asked: PublishNotice, content_hash: bytes, ports: Ports, now: Instant) -> Notice:
    latest = records.latest_notice(asked.controller, asked.content.id, published=False)
    who = steps.Who(controller=asked.controller, person=NOBODY, now=now, law=ports.law, fresh=ports.fresh)
    notice = Notice(
        controller=asked.controller,
        content=asked.content,
        version=1 if latest is None else latest.version + 1,
        content_hash=content_hash,
        published_at=now,
        step=records.add_step(steps.notice_published(asked.content.id, content_hash, who)),
    )
    records.add_notice(notice)
    return notice


def _published(records: Records, controller: Controller, content_hash: bytes) -> Published:
    notice = records.notice(controller, content_hash)
    assert notice is not None
    return Published(notice=notice, receipt=receipt_of(records.step(notice.step)))


async def get(controller: Controller, content_hash: bytes, *, ports: Ports) -> Notice:
    """Return a published version. Raises NotFound."""
    return await ports.store.read(lambda records: in_force(records, controller, content_hash, field="content_hash"))


async def every(controller: Controller, *, ports: Ports) -> list[Notice]:
    """Return all published versions, by id and version."""
    return await ports.store.read(lambda records: records.notices(controller))


def in_force(records: Records, controller: Controller, content_hash: bytes, *, field: str) -> Notice:
    """Return a version that is in the ledger. Raises NotFound, or NoticeNotYetPublished while it is on its way."""
    notice = records.notice(controller, content_hash)
    if notice is None or records.step(notice.step).bar is not None:
        raise NotFound("There is no notice with this content hash. Publish it first.", field=field)
    if notice.index is None:
        raise NoticeNotYetPublished
    return notice


async def record_served(asked: RecordServed, *, ports: Ports, now: Instant, deadline: Instant) -> ServedId:
    """Record that a notice was shown; may be repeated. Off-log: the ledger learns of it by the consent's record.

    Raises NotFound, Invalid, IdempotencyConflict, ControllerClosed.
    """
    check_time(now, deadline)
    await ports.controllers.require_open(asked.controller, deadline=deadline)
    await ports.store.write(lambda records: _serve(records, asked, now))
    return asked.id


def _serve(records: Records, asked: RecordServed, now: Instant) -> None:
    digest = digests.of_request(asked)
    known = records.served(asked.controller, asked.id)
    if known is not None:
        if known.digest != digest:
            raise IdempotencyConflict("id", asked.id)
        return
    notice = in_force(records, asked.controller, asked.notice_hash, field="notice_hash")
    rules.check_speaks_of(notice.content, purpose=None, language=asked.language)
    if asked.served_at > now + CLOCK_TOLERANCE:
        raise Invalid("served_at", "served_at lies in the future; check the clock of the screen.")
    if asked.served_at < notice.published_at - CLOCK_TOLERANCE:
        raise Invalid("served_at", "served_at is before this notice was published; check the hash and the clock.")
    records.add_served(
        ServedNotice(
            controller=asked.controller,
            id=asked.id,
            person=records.person(asked.controller, asked.subject),
            notice_hash=asked.notice_hash,
            language=asked.language,
            channel=asked.channel,
            device=asked.device,
            rendered_hash=asked.rendered_hash,
            served_at=asked.served_at,
            digest=digest,
        )
    )


__all__ = ["Published", "every", "get", "in_force", "publish", "record_served"]
