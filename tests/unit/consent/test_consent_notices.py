"""Notices: what they must say, versions, what a change means for consents, and the record that one was shown."""

import hashlib
import json

import pytest
from fakes.consent_world import BANK, SECOND, World, subject, text

from placet.consent.errors import (
    AcceptedLater,
    ControllerClosed,
    IdempotencyConflict,
    Invalid,
    NotFound,
    NoticeIncomplete,
    NoticeNotYetPublished,
    NoticeSuperseded,
)
from placet.consent.handlers import notices
from placet.consent.model import commands as ask
from placet.consent.model.notices import ITEMS, NoticeContent
from placet.consent.model.vocabulary import Channel, Choice, Instant, ServedId
from placet.consent.policy import notices as rules
from placet.evidence import canonical


@pytest.mark.parametrize("item", ITEMS)
def test_each_item_of_article_5_is_required(item: str) -> None:
    content = NoticeContent(id="n1", purposes=("kyc",), texts=(text(), text("en", **{item: "  \n"})))
    with pytest.raises(NoticeIncomplete) as caught:
        rules.check_complete(content, "cn-2025")
    assert caught.value.field == f"notice.texts[en].{item}"
    assert caught.value.metadata["article"].startswith("cn-2025/art-5")


def test_chinese_is_required_and_the_rest_optional() -> None:
    rules.check_complete(NoticeContent(id="n1", purposes=("kyc",), texts=(text(),)), "cn-2025")
    with pytest.raises(NoticeIncomplete) as caught:
        rules.check_complete(NoticeContent(id="n1", purposes=("kyc",), texts=(text("en"),)), "cn-2025")
    assert caught.value.field == "notice.texts[zh-CN]"


def test_the_hash_is_of_the_canonical_content_whatever_the_order() -> None:
    one = NoticeContent(id="n1", purposes=("vip", "kyc"), texts=(text(), text("en")))
    other = NoticeContent(id="n1", purposes=("kyc", "vip"), texts=(text("en"), text()))
    assert rules.content_hash(one) == rules.content_hash(other)
    # By hand, from the documented form.
    plain = {"id": "n1", "purposes": ["kyc", "vip"], "texts": [_plain(text("en")), _plain(text())]}
    said = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert rules.content_hash(one) == hashlib.sha256(said.encode()).digest()


def _plain(of: object) -> dict[str, str]:
    return {name: getattr(of, name) for name in ("language", "title", *ITEMS)}


@pytest.mark.parametrize("item", ["title", *ITEMS])
def test_only_purpose_method_and_retention_are_material(item: str) -> None:
    old = NoticeContent(id="n1", purposes=("kyc",), texts=(text(), text("en")))
    new = NoticeContent(id="n1", purposes=("kyc",), texts=(text(), text("en", **{item: "new"})))
    material = item in ("purpose", "method", "retention")
    assert rules.change(old, new) is (rules.Change.MATERIAL if material else rules.Change.WORDING)
    assert rules.change(old, old) is rules.Change.NONE


def test_other_purposes_are_material_and_another_language_is_not() -> None:
    old = NoticeContent(id="n1", purposes=("kyc",), texts=(text(),))
    wider = NoticeContent(id="n1", purposes=("kyc", "vip"), texts=(text(),))
    assert rules.change(old, wider) is rules.Change.MATERIAL
    more = NoticeContent(id="n1", purposes=("kyc",), texts=(text(), text("en")))
    assert rules.change(old, more) is rules.Change.WORDING


async def test_publishing_is_an_entry_with_id_and_hash_only(world: World) -> None:
    assert world.notice is not None
    (entry,) = [one for one in world.ledger.log(BANK).entries if getattr(one, "type", "") == "notice.published"]
    assert entry.data == {"id": "n1", "hash": canonical.b64url(world.notice.content_hash)}  # type: ignore[union-attr]
    assert (world.notice.version, world.notice.index) == (1, entry.i)


async def test_identical_content_again_is_the_same_version_with_the_same_receipt(world: World) -> None:
    first = await world.publish()
    second = await world.publish(text(rights="任何时候都可以撤回"))
    assert (first.notice.version, second.notice.version) == (1, 2)
    again = await world.publish()
    assert again == first
    assert world.kinds == ["notice.published"] * 2
    assert [one.version for one in await notices.every(BANK, ports=world.ports)] == [1, 2]


async def test_an_incomplete_notice_leaves_no_trace(world: World) -> None:
    with pytest.raises(NoticeIncomplete):
        await world.publish(text(rights=""))
    assert world.kinds == ["notice.published"]
    assert len(await notices.every(BANK, ports=world.ports)) == 1


async def test_a_wording_change_does_not_ask_for_consent_again(world: World) -> None:
    old = world.notice
    await world.publish(text(rights="任何时候都可以撤回"))
    assert old is not None
    assert (await world.capture(notice_hash=old.content_hash)).receipt is not None


async def test_a_material_change_does(world: World) -> None:
    old = world.notice
    await world.publish(text(retention="十年"))
    assert old is not None
    with pytest.raises(NoticeSuperseded) as caught:
        await world.capture(notice_hash=old.content_hash)
    assert caught.value.metadata == {"version": "1", "latest": "2"}
    # Saying no to the old one is always possible.
    refused = await world.capture(notice_hash=old.content_hash, choice=Choice.REFUSED)
    assert refused.receipt is None
    # And back to what was said at first: the old version fits the newest again.
    await world.publish(text(retention="一年", title="人脸"))
    assert (await world.capture(notice_hash=old.content_hash)).receipt is not None


async def test_a_notice_on_its_way_can_neither_be_used_nor_supersedes(world: World) -> None:
    old = world.notice
    world.ledger.down = True
    with pytest.raises(AcceptedLater):
        await world.publish(text(retention="十年"))
    content = NoticeContent(id="n1", purposes=("kyc", "vip"), texts=(text(retention="十年"),))
    world.ledger.down = False
    assert old is not None
    await world.capture(notice_hash=old.content_hash)
    with pytest.raises(NoticeNotYetPublished):
        await world.capture(notice_hash=rules.content_hash(content))
    await world.sweep()
    with pytest.raises(NoticeSuperseded):
        await world.capture(notice_hash=old.content_hash)
    await world.capture(notice_hash=rules.content_hash(content))


async def test_an_unknown_notice_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        await world.capture(notice_hash=bytes(32))
    assert caught.value.field == "notice_hash"
    with pytest.raises(NotFound):
        await notices.get(BANK, bytes(32), ports=world.ports)


async def test_a_closed_controller_publishes_nothing(world: World) -> None:
    world.controllers.closed.add(BANK)
    with pytest.raises(ControllerClosed):
        await world.publish(text(rights="x"))


def served(world: World, **changes: object) -> ask.RecordServed:
    """Return a record that alice was shown the notice."""
    assert world.notice is not None
    whole: dict[str, object] = {
        "controller": BANK,
        "id": ServedId(world.uuid()),
        "subject": subject("alice"),
        "notice_hash": world.notice.content_hash,
        "language": "zh-CN",
        "channel": Channel.KIOSK,
        "device": "screen-1",
        "rendered_hash": None,
        "served_at": Instant(world.now),
    }
    return ask.RecordServed(**{**whole, **changes})  # type: ignore[arg-type]


async def test_a_served_notice_is_recorded_once_and_shows_in_the_consent(world: World) -> None:
    asked = served(world)
    assert await notices.record_served(asked, **world.until) == asked.id
    assert await notices.record_served(asked, **world.until) == asked.id
    with pytest.raises(IdempotencyConflict):
        await notices.record_served(served(world, id=asked.id, device="screen-2"), **world.until)
    await world.capture(notice_served=asked.id)
    await world.capture(who="bob")
    (alice,), (bob,) = (await world.lookup("alice", "bob")).subjects
    assert (alice.notice_served, bob.notice_served) == (True, False)


async def test_a_served_notice_must_be_this_persons_and_of_this_notice(world: World) -> None:
    asked = served(world)
    await notices.record_served(asked, **world.until)
    with pytest.raises(NotFound) as of_another:
        await world.capture("bob", notice_served=asked.id)
    assert of_another.value.field == "notice_served"
    await world.publish(text(), text("en"), ident="n2")
    with pytest.raises(Invalid) as other_notice:
        await world.capture(notice_served=asked.id)
    assert other_notice.value.field == "notice_served"


@pytest.mark.parametrize(("shift", "ok"), [(0, True), (119, True), (121, False), (-119, True), (-121, False)])
async def test_a_served_notice_has_a_credible_time(world: World, shift: int, ok: bool) -> None:
    asked = served(world, served_at=Instant(world.now + shift * SECOND))
    if ok:
        await notices.record_served(asked, **world.until)
    else:
        with pytest.raises(Invalid) as caught:
            await notices.record_served(asked, **world.until)
        assert caught.value.field == "served_at"


async def test_it_must_be_in_a_language_of_the_notice(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        await notices.record_served(served(world, language="en"), **world.until)
    assert caught.value.field == "language"
