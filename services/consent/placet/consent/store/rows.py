"""Rows of notices and consents to model and back, total in both directions.

Owns: the mapping, and the JSON of the few list columns. Guardianships and steps: `step_rows`.
Never: a query.
"""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from placet.consent.model.consents import Consent, Ending, Guarding, Scope
from placet.consent.model.notices import Notice, NoticeContent, NoticeText, ServedNotice
from placet.consent.model.vocabulary import (
    BasisOrdinal,
    Channel,
    Choice,
    ConsentId,
    Controller,
    EndedBy,
    Expression,
    Instant,
    LeafIndex,
    Operation,
    PersonKey,
    ServedId,
    StepId,
)
from placet.consent.policy.notices import plain
from placet.consent.tables import (
    ConsentRow,
    NoticeRow,
    ServedRow,
)
from placet.evidence import canonical


def dumps(values: Sequence[Any]) -> str:
    """Return a list column."""
    return json.dumps(list(values), separators=(",", ":"))


def notice_row(notice: Notice) -> NoticeRow:
    """Return the row of a version."""
    return NoticeRow(
        controller=notice.controller,
        content_hash=notice.content_hash,
        notice=notice.content.id,
        version=notice.version,
        content=canonical.encode(plain(notice.content)),
        published_at=notice.published_at,
        step=notice.step,
        position=notice.index,
    )


def notice_of(row: NoticeRow) -> Notice:
    """Return the version of a row."""
    content = canonical.decode(row.content)
    return Notice(
        controller=Controller(row.controller),
        content=NoticeContent(
            id=content["id"],
            purposes=tuple(content["purposes"]),
            texts=tuple(NoticeText(**text) for text in content["texts"]),
        ),
        version=row.version,
        content_hash=row.content_hash,
        published_at=Instant(row.published_at),
        step=StepId(row.step),
        index=None if row.position is None else LeafIndex(row.position),
    )


def served_row(served: ServedNotice) -> ServedRow:
    """Return the row of a served-notice record."""
    return ServedRow(
        controller=served.controller,
        id=served.id,
        person=served.person,
        notice_hash=served.notice_hash,
        language=served.language,
        channel=served.channel.value,
        device=served.device,
        rendered_hash=served.rendered_hash,
        served_at=served.served_at,
        digest=served.digest,
    )


def served_of(row: ServedRow) -> ServedNotice:
    """Return the served-notice record of a row."""
    return ServedNotice(
        controller=Controller(row.controller),
        id=ServedId(row.id),
        person=PersonKey(row.person),
        notice_hash=row.notice_hash,
        language=row.language,
        channel=Channel(row.channel),
        device=row.device,
        rendered_hash=row.rendered_hash,
        served_at=Instant(row.served_at),
        digest=row.digest,
    )


def consent_row(consent: Consent) -> ConsentRow:
    """Return the row of a consent, without its off-log record."""
    return ConsentRow(
        controller=consent.controller,
        id=consent.id,
        person=consent.person,
        purpose=consent.purpose,
        choice=consent.choice.value,
        max_events=consent.max_events,
        notice_hash=consent.notice_hash,
        notice_served=consent.notice_served,
        language=consent.language,
        channel=consent.channel.value,
        expression=consent.expression.value,
        alternative=consent.alternative,
        birth_date=None if consent.birth_date is None else consent.birth_date.isoformat(),
        zone=consent.zone,
        imported=consent.imported,
        decided_at=consent.decided_at,
        digest=consent.digest,
        step=consent.step,
        last_step=consent.last_step,
        guardianships=dumps(consent.guarding.guardianships),
        **consent_changes(consent),
    )


def consent_changes(consent: Consent) -> dict[str, Any]:
    """Return the columns of a consent that may change after it was captured."""
    ending = consent.ending
    return {
        "operations": dumps(consent.scope.operations),
        "sites": dumps(consent.scope.sites),
        "egress": consent.scope.egress,
        "not_before": consent.not_before,
        "not_after": consent.scope.not_after,
        "needs": dumps(consent.guarding.needs),
        "guarded_until": consent.guarding.until,
        "guard_ended_by": consent.guarding.ended_by,
        "basis": consent.basis,
        "granted": consent.granted,
        "leaf_hash": consent.leaf_hash,
        "live": consent.live,
        "barred": consent.barred,
        "ended_by": None if ending is None else ending.by.value,
        "end_reason": None if ending is None else ending.reason,
        "ended_at": None if ending is None else ending.at,
        "ending_step": None if ending is None else ending.step,
        "ended": None if ending is None else ending.index,
        "signed_receipt": consent.signed_receipt,
    }


def consent_of(row: ConsentRow) -> Consent:
    """Return the consent of a row."""
    return Consent(
        controller=Controller(row.controller),
        id=ConsentId(row.id),
        person=PersonKey(row.person),
        purpose=row.purpose,
        choice=Choice(row.choice),
        scope=Scope(
            operations=tuple(Operation(one) for one in json.loads(row.operations)),
            sites=tuple(json.loads(row.sites)),
            egress=row.egress,
            not_after=instant_of(row.not_after),
        ),
        not_before=Instant(row.not_before),
        max_events=row.max_events,
        notice_hash=row.notice_hash,
        notice_served=None if row.notice_served is None else ServedId(row.notice_served),
        language=row.language,
        channel=Channel(row.channel),
        expression=Expression(row.expression),
        alternative=row.alternative,
        birth_date=None if row.birth_date is None else date.fromisoformat(row.birth_date),
        zone=row.zone,
        imported=row.imported,
        decided_at=Instant(row.decided_at),
        digest=row.digest,
        step=StepId(row.step),
        last_step=StepId(row.last_step),
        guarding=_guarding(row),
        basis=None if row.basis is None else BasisOrdinal(row.basis),
        granted=None if row.granted is None else LeafIndex(row.granted),
        leaf_hash=row.leaf_hash,
        ending=_ending(row),
        barred=row.barred,
        signed_receipt=row.signed_receipt,
    )


def instant_of(value: int | None) -> Instant | None:
    """Return a time of a column that may be null."""
    return None if value is None else Instant(value)


def _guarding(row: Any) -> Guarding:
    return Guarding(
        guardianships=tuple(json.loads(row.guardianships)),
        needs=tuple(json.loads(row.needs)),
        until=row.guarded_until,
        ended_by=row.guard_ended_by,
    )


def _ending(row: Any) -> Ending | None:
    if row.ending_step is None:
        return None
    return Ending(
        by=EndedBy(row.ended_by),
        reason=row.end_reason,
        at=Instant(row.ended_at),
        step=StepId(row.ending_step),
        index=row.ended,
    )
