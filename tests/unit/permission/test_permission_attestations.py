"""Assessments, incidents, deployments, capture flows, alternatives: in the log, in force, in the next decision."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from unit.permission.attested import (
    YEAR,
    alternative,
    assessment,
    deployment,
    flow,
    incident,
    measures,
    records,
    register,
    usage,
)
from unit.permission.world import BANK, BEGIN, DAY, World, attestation, device, on_files, purpose, site, world

from placet.evidence.canonical import unb64url
from placet.permission.errors import (
    Invalid,
    PlaceForbidden,
    PurposeUnknown,
)
from placet.permission.handlers.places import forbidding
from placet.permission.model.assessing import Assessing
from placet.permission.model.attestations import Measure
from placet.permission.model.registers import (
    Item,
    ItemKind,
    RetentionAnchor,
    item_of,
    kind_of,
    record_of,
)
from placet.permission.model.vocabulary import FORBIDDEN_PLACES, Operation, PlaceClass, Verdict
from placet.permission.policy.engine import Engine
from placet.permission.tables import RegisterChangeRow

ITEMS = [assessment(), incident(), deployment(), flow(), alternative(), usage()]
UNPROVEN = replace(measures()[0], evidence_sha256=b"")
ALICE = b"alice"


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        await made.persons.grant(ALICE)
        yield made


async def rows(bank: World, kind: ItemKind) -> list[RegisterChangeRow]:
    query = select(RegisterChangeRow).where(RegisterChangeRow.kind == kind.value)
    return await bank.database.read(lambda session: list(session.exec(query)))


async def forbidden(bank: World, **changes: Any) -> tuple[str, ...]:
    return (await bank.ask(**changes)).forbidden_by


# ------------------------------------------------------------------------------------------------------- records


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: kind_of(item).value)
def test_an_item_comes_back_out_of_its_record(item: Item) -> None:
    assert item_of(kind_of(item), json.loads(json.dumps(record_of(item)))) == item


def test_what_was_registered_before_keeps_its_record() -> None:
    """The digest of an old request must find the entry that it made: later fields stand only when they say more."""
    old = {"id": "hq", "name": "Head office", "place_class": "branch_counter", "public_place": False}
    assert record_of(site()) == old
    added = {"retention_anchor", "review_statement", "ended_at"}
    assert added.isdisjoint(record_of(purpose()))
    full = purpose(retention_anchor=RetentionAnchor.PURPOSE_END, review_statement="no harm", ended_at=BEGIN)
    assert added <= set(record_of(full))
    assert item_of(ItemKind.PURPOSE, json.loads(json.dumps(record_of(full)))) == full
    signed = device(sign_languages=("zh-CN", "en"), sign_position="door", retired=True)
    assert item_of(ItemKind.DEVICE, json.loads(json.dumps(record_of(signed)))) == signed


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: kind_of(item).value)
async def test_each_is_one_proven_entry_whose_commitment_opens(bank: World, item: Item) -> None:
    before = len(records(bank))
    receipt = await register(bank, item)
    again = await register(bank, item)
    assert (again.index, again.entry) == (receipt.index, receipt.entry)
    (entry,) = records(bank)[before:]
    kind = kind_of(item)
    assert entry.type == f"register.{kind}_put"
    assert sorted(entry.data) == sorted(["commitment", "version", kind.value])
    (row,) = await rows(bank, kind)
    assert unb64url(entry.data["commitment"]) == sha256(row.salt + row.record).digest()
    text = b"".join(bank.ledger.logs[BANK].entries)
    for secret in (b"customer asks", b"backup was stolen", b"card and PIN", b"Core"):
        assert secret not in text


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (assessment(purposes=("entry", "ghost")), "assessment.purposes[1]"),
        (alternative(purposes=("ghost",)), "alternative.purposes[0]"),
        (flow(purpose="ghost"), "flow.purpose"),
        (usage(purpose="ghost"), "usage.purpose"),
    ],
)
async def test_nothing_is_said_about_a_purpose_that_is_not_there(bank: World, item: Item, field: str) -> None:
    before = len(bank.ledger.logs[BANK].entries)
    with pytest.raises(PurposeUnknown) as error:
        await register(bank, item)
    assert error.value.field == field
    assert len(bank.ledger.logs[BANK].entries) == before


@pytest.mark.parametrize(
    ("make", "changes", "field"),
    [
        (assessment, {"id": "a b"}, "assessment.id"),
        (assessment, {"purposes": ()}, "assessment.purposes"),
        (assessment, {"purposes": ("a", "a")}, "assessment.purposes"),
        (assessment, {"purposes": ("a", "")}, "assessment.purposes[1]"),
        (assessment, {"report_sha256": b""}, "assessment.report_sha256"),
        (assessment, {"lawfulness": " "}, "assessment.lawfulness"),
        (assessment, {"rights_impact": ""}, "assessment.rights_impact"),
        (assessment, {"risks": ""}, "assessment.risks"),
        (assessment, {"protection": "p" * 8_001}, "assessment.protection"),
        (assessment, {"assessor": ""}, "assessment.assessor"),
        (assessment, {"concluded_at": 0}, "assessment.concluded_at"),
        (assessment, {"valid_until": BEGIN - DAY}, "assessment.valid_until"),
        (assessment, {"valid_until": -1}, "assessment.valid_until"),
        (incident, {"noticed_at": 0}, "incident.noticed_at"),
        (incident, {"description": ""}, "incident.description"),
        (incident, {"report_sha256": b"1"}, "incident.report_sha256"),
        (deployment, {"id": ""}, "deployment.id"),
        (deployment, {"measures": (*measures(), *measures())}, "deployment.measures"),
        (deployment, {"measures": (UNPROVEN,)}, "deployment.measures[0].evidence_sha256"),
        (deployment, {"measures": measures(until=BEGIN - DAY)}, "deployment.measures[0].valid_until"),
        (flow, {"purpose": ""}, "flow.purpose"),
        (flow, {"evidence_sha256": b""}, "flow.evidence_sha256"),
        (flow, {"checked_at": 0}, "flow.checked_at"),
        (alternative, {"name": ""}, "alternative.name"),
        (alternative, {"purposes": ()}, "alternative.purposes"),
        (alternative, {"checked_at": 0}, "alternative.checked_at"),
        (alternative, {"valid_until": 1}, "alternative.valid_until"),
        (usage, {"period": "2027-13"}, "usage.period"),
        (usage, {"period": ""}, "usage.period"),
        (usage, {"face": -1}, "usage.face"),
        (usage, {"alternative": 2**41}, "usage.alternative"),
        (device, {"sign_languages": ("zh CN",)}, "device.sign_languages[0]"),
        (device, {"sign_languages": ("en", "en")}, "device.sign_languages"),
        (purpose, {"ended_at": -1}, "purpose.ended_at"),
    ],
)  # fmt: skip
def test_a_malformed_item_names_its_field(make: Any, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as error:
        make(**changes)
    assert error.value.field == field


# ----------------------------------------------------------------------------------- what the next decision sees


async def test_an_assessment_in_the_register_carries_events_until_it_has_to_be_made_again(bank: World) -> None:
    bare = {"assessment_sha256": b"", "assessment_valid_until": 0}
    await register(bank, purpose(**bare))
    assert await forbidden(bank) == ("cn-2025/art-9",)
    await register(bank, assessment())
    assert await forbidden(bank) == ()
    await register(bank, purpose(**bare, name="Renamed"))
    assert await forbidden(bank) == ()
    await register(bank, purpose(**bare, operations=(Operation.VERIFY,)))
    assert await forbidden(bank) == ("cn-2025/art-9",)
    await register(bank, assessment(valid_until=BEGIN + 2 * YEAR))  # the same report
    assert await forbidden(bank) == ("cn-2025/art-9",)
    await register(bank, assessment(id="pia-2", report_sha256=b"2" * 32))
    assert await forbidden(bank) == ()
    await register(bank, incident())
    assert await forbidden(bank) == ("cn-2025/art-9",)
    bank.clock.now += DAY
    await register(bank, assessment(id="pia-3", report_sha256=b"3" * 32, concluded_at=bank.clock.now))
    assert (await bank.ask()).verdict is Verdict.ALLOW
    bank.clock.now += YEAR
    assert "cn-2025/art-9" in await forbidden(bank)


async def test_an_incident_ends_the_assessment_of_every_purpose(bank: World) -> None:
    await register(bank, purpose(id="vip"))
    await bank.persons.grant(ALICE, purpose="vip")
    for name in ("entry", "vip"):
        assert await forbidden(bank, purpose=name) == ()
    await register(bank, incident())
    for name in ("entry", "vip"):
        assert await forbidden(bank, purpose=name) == ("cn-2025/art-9",)


async def test_another_replica_and_a_restart_see_the_same(tmp_path: Path, bank: World) -> None:
    """A book read from the database knows the order of changes, not only the newest ones."""
    await register(bank, assessment())
    await register(bank, purpose(assessment_sha256=b"", operations=(Operation.VERIFY,)))
    async with on_files(tmp_path, bank.clock, bank.ledger) as other:
        book = await other.books.open(BANK, after=0, now=bank.clock())
        own = await bank.books.open(BANK, after=0, now=bank.clock())
        assert book.assessing.standing("entry", BEGIN) == own.assessing.standing("entry", BEGIN)
        assert book.indexes == own.indexes
        assert await forbidden_by(other, bank) == ("cn-2025/art-9",)


async def forbidden_by(other: World, bank: World) -> tuple[str, ...]:
    other.desk = replace(other.desk, consents=bank.persons)
    other.count = 1_000
    return await forbidden(other)


@pytest.mark.parametrize("measure", Measure)
async def test_every_measure_of_every_deployment_must_stand(bank: World, measure: Measure) -> None:
    await register(bank, deployment())
    assert await forbidden(bank) == ()
    await register(bank, deployment(id="edge", measures=measures(measure)))
    assert await forbidden(bank) == ("cn-2025/art-14",)
    await register(bank, deployment(id="edge", measures=measures(measure), retired=True))
    assert await forbidden(bank) == ()
    await register(bank, deployment(retired=True))  # then nothing is attested: the general attestation does not step in
    assert await forbidden(bank) == ("cn-2025/art-14",)


async def test_measures_lapse_one_by_one(bank: World) -> None:
    first = replace(measures()[0], valid_until=BEGIN + DAY)
    await register(bank, deployment(measures=(first, *measures()[1:])))
    assert await forbidden(bank) == ()
    bank.clock.now += DAY
    assert await forbidden(bank) == ("cn-2025/art-14",)


@pytest.mark.parametrize(
    ("changes", "article"),
    [
        ({"face_is_default": True}, "cn-2025/art-12-1"),
        ({"face_is_first": True}, "cn-2025/art-12-1"),
        ({"refusal_equal": False}, "cn-2025/art-12-2"),
        ({"choice_reset_by_update": True}, "cn-2025/art-12-3"),
        ({"valid_until": BEGIN}, "cn-2025/art-12-2"),
        ({"checked_at": BEGIN + 1}, "cn-2025/art-12-2"),
    ],
)
async def test_the_capture_flow_of_a_purpose_counts_for_it_alone(
    bank: World, changes: dict[str, Any], article: str
) -> None:
    await register(bank, purpose(id="vip"))
    await bank.persons.grant(ALICE, purpose="vip")
    await register(bank, flow(**changes))
    assert await forbidden(bank) == (article,)
    assert await forbidden(bank, purpose="vip") == ()
    await register(bank, flow())
    assert await forbidden(bank) == ()


async def test_a_checked_flow_counts_instead_of_the_general_attestation(bank: World) -> None:
    await register(bank, attestation(face_is_default=True))
    assert await forbidden(bank) == ("cn-2025/art-12-1",)
    await register(bank, flow())
    assert await forbidden(bank) == ()


async def test_a_registered_alternative_must_work(bank: World) -> None:
    await register(bank, alternative(in_service=False))
    answer = await bank.ask()
    assert (answer.forbidden_by, answer.alternative) == (("cn-2025/art-10-2",), "")
    await register(bank, alternative(id="counter", name="the counter", valid_until=BEGIN + DAY))
    assert await forbidden(bank) == ()
    other = await bank.ask(inference=None, subject=b"stranger")
    assert other.alternative == "the counter"
    bank.clock.now += DAY
    assert "cn-2025/art-10-2" in await forbidden(bank)


async def test_a_sign_is_proven_from_its_check_on(bank: World) -> None:
    await register(bank, purpose(public_safety=True))
    await register(bank, device(public_place=True, sign_checked_at=BEGIN + DAY))
    assert await forbidden(bank) == ("cn-2025/art-13-4",)
    bank.clock.now += DAY
    assert await forbidden(bank) == ()


async def test_an_area_that_is_described_is_set_out(bank: World) -> None:
    await register(bank, purpose(public_safety=True))
    await register(bank, device(public_place=True, collection_area_set=False))
    assert await forbidden(bank) == ("cn-2025/art-13-3",)
    await register(bank, device(public_place=True, collection_area_set=False, collection_area="two metres at the door"))
    assert await forbidden(bank) == ()


async def test_what_has_ended_is_as_if_it_were_not_registered(bank: World) -> None:
    await register(bank, purpose(ended_at=BEGIN + DAY))
    assert await forbidden(bank) == ()
    bank.clock.now += DAY
    assert await forbidden(bank) == ("cn-2025/art-4-1",)
    await register(bank, purpose())
    assert await forbidden(bank) == ()
    await register(bank, device(retired=True))
    assert "cn-2025/art-13-2" in await forbidden(bank)


# ---------------------------------------------------------------------------------------------------------- places


@pytest.mark.parametrize("place", sorted(FORBIDDEN_PLACES))
async def test_a_refused_place_names_the_articles_of_the_packs_in_force(bank: World, place: PlaceClass) -> None:
    before = len(bank.ledger.logs[BANK].entries)
    with pytest.raises(PlaceForbidden) as error:
        await register(bank, device(place_class=place))
    assert error.value.metadata["article"] == "cn-2025/art-13"
    assert error.value.metadata["rules"] == "cn-2025/art-13-1"
    assert len(bank.ledger.logs[BANK].entries) == before


def test_without_a_pack_in_force_a_private_space_is_refused_all_the_same() -> None:
    assert forbidding(Engine([]), PlaceClass.RESTROOM, BEGIN) == (("cn-2025/art-13",), ())


# ------------------------------------------------------------------------- controls: without it, it goes unnoticed


@pytest.mark.parametrize(
    ("protection", "off", "item"),
    [
        ("_same_method", True, purpose(assessment_sha256=b"", operations=(Operation.VERIFY,))),
        ("_incident_after", "", incident()),
    ],
)
async def test_control_without_its_check_an_old_assessment_would_go_on(
    bank: World, monkeypatch: pytest.MonkeyPatch, protection: str, off: object, item: Item
) -> None:
    await register(bank, purpose(assessment_sha256=b""))
    await register(bank, assessment())
    await register(bank, item)
    assert await forbidden(bank) == ("cn-2025/art-9",)
    monkeypatch.setattr(Assessing, protection, lambda *_: off)
    (await bank.books.open(BANK, after=0, now=bank.clock()))._places.clear()
    assert await forbidden(bank) == ()
