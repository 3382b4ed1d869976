"""What one transaction sees: `ports.Records` over one SQL session.

Owns: the queries. Rows are read once and kept by the session, so what is saved is what was read in the same
transaction.
Never: opens or ends a transaction (`sql`), or decides anything.
"""

import json
from dataclasses import asdict

from sqlalchemy import func
from sqlmodel import Session, col, select

from placet.consent.model.consents import Amendment, Consent
from placet.consent.model.guardianships import Guardianship, GuardianshipBasis
from placet.consent.model.notices import Notice, ServedNotice
from placet.consent.model.steps import Bar, Receipt, Step
from placet.consent.model.vocabulary import (
    BasisOrdinal,
    ConsentId,
    Controller,
    GuardianshipId,
    Instant,
    PersonKey,
    ServedId,
    StepId,
    SubjectRef,
)
from placet.consent.policy.guardians import PersonFacts
from placet.consent.ports import Note, Salted
from placet.consent.store import persons, rows, step_rows
from placet.consent.tables import (
    AmendmentRow,
    ConsentRow,
    GuardianshipBasisRow,
    GuardianshipRow,
    NoticeRow,
    PersonRow,
    ServedRow,
    StepRow,
    outbox,
)
from placet.evidence import canonical
from placet.kit.bus.messages import Message

SERVICE = "consent"


class SqlRecords:
    """`ports.Records` inside one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # Whether a message was put that is to be sent after the transaction.
        self.noted = False

    # --- persons

    def person(self, controller: Controller, subject: SubjectRef) -> PersonKey:
        known = self.known_person(controller, subject)
        if known is not None:
            return known
        row = PersonRow(controller=controller, subject=bytes(subject))
        self._session.add(row)
        self._session.flush()
        assert row.id is not None
        return PersonKey(row.id)

    def known_person(self, controller: Controller, subject: SubjectRef) -> PersonKey | None:
        query = select(PersonRow.id).where(PersonRow.controller == controller, PersonRow.subject == subject)
        found = self._session.exec(query).first()
        return None if found is None else PersonKey(found)

    def subject(self, person: PersonKey) -> SubjectRef:
        return SubjectRef(self._session.get_one(PersonRow, person).subject)

    def facts_about(self, controller: Controller, person: PersonKey, now: Instant) -> PersonFacts:
        return persons.facts_about(self._session, person, now)

    def actor(self, controller: Controller, sub: str, fresh: str) -> str:
        return persons.actor(self._session, controller, sub, fresh)

    # --- notices

    def notice(self, controller: Controller, content_hash: bytes) -> Notice | None:
        row = self._session.get(NoticeRow, (controller, content_hash))
        return None if row is None else rows.notice_of(row)

    def latest_notice(self, controller: Controller, notice: str, *, published: bool) -> Notice | None:
        query = select(NoticeRow).where(NoticeRow.controller == controller, NoticeRow.notice == notice)
        if published:
            query = query.where(col(NoticeRow.position).is_not(None))
        row = self._session.exec(query.order_by(col(NoticeRow.version).desc()).limit(1)).first()
        return None if row is None else rows.notice_of(row)

    def notices(self, controller: Controller) -> list[Notice]:
        query = (
            select(NoticeRow)
            .where(NoticeRow.controller == controller, col(NoticeRow.position).is_not(None))
            .order_by(col(NoticeRow.notice), col(NoticeRow.version))
        )
        return [rows.notice_of(row) for row in self._session.exec(query)]

    def add_notice(self, notice: Notice) -> None:
        self._session.add(rows.notice_row(notice))

    def save_notice(self, notice: Notice) -> None:
        self._session.get_one(NoticeRow, (notice.controller, notice.content_hash)).position = notice.index

    def served(self, controller: Controller, ident: ServedId) -> ServedNotice | None:
        row = self._session.get(ServedRow, (controller, ident))
        return None if row is None else rows.served_of(row)

    def add_served(self, served: ServedNotice) -> None:
        self._session.add(rows.served_row(served))

    # --- consents

    def consent(self, controller: Controller, ident: ConsentId) -> Consent | None:
        row = self._session.get(ConsentRow, (controller, ident))
        return None if row is None else rows.consent_of(row)

    def consents_of(self, controller: Controller, person: PersonKey) -> list[Consent]:
        query = select(ConsentRow).where(ConsentRow.person == person).order_by(col(ConsentRow.step))
        return [rows.consent_of(row) for row in self._session.exec(query)]

    def live_consent(self, controller: Controller, person: PersonKey, purpose: str) -> Consent | None:
        query = select(ConsentRow).where(
            ConsentRow.person == person, ConsentRow.purpose == purpose, col(ConsentRow.live).is_(True)
        )
        row = self._session.exec(query).first()
        return None if row is None else rows.consent_of(row)

    def consents_needing(self, guardianship: Guardianship) -> list[Consent]:
        bases = self.guardianship_bases(guardianship)
        found = [self.consent(guardianship.controller, basis.consent) for basis in bases]
        return [consent for consent in found if consent is not None]

    def add_consent(self, consent: Consent, salted: Salted) -> None:
        row = rows.consent_row(consent)
        row.salt, row.record = salted.salt, canonical.encode(salted.record)
        self._session.add(row)
        self._session.flush()

    def save_consent(self, consent: Consent) -> None:
        row = self._session.get_one(ConsentRow, (consent.controller, consent.id))
        for name, value in rows.consent_changes(consent).items():
            setattr(row, name, value)
        # Before anything else is inserted: a live consent must have ended before the next one begins.
        self._session.flush()

    def amendment(self, controller: Controller, ident: str) -> Amendment | None:
        row = self._session.get(AmendmentRow, (controller, ident))
        if row is None:
            return None
        return Amendment(
            controller=controller, id=row.id, consent=ConsentId(row.consent), digest=row.digest, step=StepId(row.step)
        )

    def add_amendment(self, amendment: Amendment) -> None:
        self._session.add(AmendmentRow(**asdict(amendment)))

    # --- guardianships

    def guardianship(self, controller: Controller, ident: GuardianshipId) -> Guardianship | None:
        row = self._session.get(GuardianshipRow, (controller, ident))
        return None if row is None else step_rows.guardianship_of(row)

    def add_guardianship(self, guardianship: Guardianship) -> None:
        self._session.add(step_rows.guardianship_row(guardianship))

    def save_guardianship(self, guardianship: Guardianship, salted: Salted | None = None) -> None:
        row = self._session.get_one(GuardianshipRow, (guardianship.controller, guardianship.id))
        for name, value in step_rows.guardianship_changes(guardianship).items():
            setattr(row, name, value)
        if salted is not None:
            row.salt, row.record = salted.salt, canonical.encode(salted.record)

    def guardianship_bases(self, guardianship: Guardianship) -> list[GuardianshipBasis]:
        query = (
            select(GuardianshipBasisRow)
            .where(
                GuardianshipBasisRow.controller == guardianship.controller,
                GuardianshipBasisRow.guardianship == guardianship.id,
            )
            .order_by(col(GuardianshipBasisRow.grant_step))
        )
        return [step_rows.guardianship_basis_of(row) for row in self._session.exec(query)]

    def guardianship_basis(self, grant: StepId) -> GuardianshipBasis:
        return step_rows.guardianship_basis_of(self._session.get_one(GuardianshipBasisRow, grant))

    def add_guardianship_basis(self, basis: GuardianshipBasis, salted: Salted) -> None:
        self._session.add(
            GuardianshipBasisRow(
                grant_step=basis.grant,
                controller=basis.controller,
                guardianship=basis.guardianship,
                consent=basis.consent,
                salt=salted.salt,
                record=canonical.encode(salted.record),
            )
        )

    def save_guardianship_basis(self, basis: GuardianshipBasis) -> None:
        row = self._session.get_one(GuardianshipBasisRow, basis.grant)
        row.ordinal, row.withdrawal, row.ended = basis.ordinal, basis.withdrawal, basis.ended

    # --- steps

    def add_step(self, step: Step) -> StepId:
        highest = select(func.max(StepRow.position)).where(StepRow.controller == step.controller)
        last = self._session.exec(highest).one()
        row = step_rows.step_row(step, floor=0 if last is None else last + 1)
        self._session.add(row)
        self._session.flush()
        assert row.id is not None
        return StepId(row.id)

    def step(self, ident: StepId) -> Step:
        return step_rows.step_of(self._session.get_one(StepRow, ident))

    def pending_steps(self, controller: Controller, person: PersonKey, limit: int) -> list[Step]:
        query = (
            select(StepRow)
            .where(StepRow.controller == controller, StepRow.person == person, col(StepRow.pending).is_(True))
            .order_by(col(StepRow.id))
            .limit(limit)
        )
        return [step_rows.step_of(row) for row in self._session.exec(query)]

    def save_receipt(self, step: Step, receipt: Receipt, basis: BasisOrdinal | None) -> None:
        row = self._session.get_one(StepRow, step.id)
        row.pending, row.position, row.basis = False, receipt.index, basis
        row.entry, row.leaf_hash, row.proof = receipt.entry, receipt.leaf_hash, b"".join(receipt.proof)
        row.checkpoint, row.tree_size = receipt.checkpoint, receipt.tree_size

    def save_bar(self, step: Step, bar: Bar) -> None:
        row = self._session.get_one(StepRow, step.id)
        row.pending, row.bar = False, json.dumps(asdict(bar))

    def add_note(self, controller: Controller, note: Note) -> None:
        message = Message(
            id=note.id,
            controller=controller,
            service=SERVICE,
            kind=note.kind,
            at=note.at,
            index=note.index,
            basis=note.basis,
            data=note.data,
        )
        outbox.put_message(self._session, message, now=note.at)
        self.noted = True
