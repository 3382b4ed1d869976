"""The retailer: a camera on the shop floor, one that must not be in a fitting room, a member, a passer-by."""

from datetime import UTC, datetime
from typing import Any

from placet.local.demo.cast import Company, in_days, notice_texts, sha
from placet.local.demo.story import Story
from placet.sdk import (
    Attestation,
    Channel,
    Choice,
    Device,
    Expression,
    Inference,
    Operation,
    PlaceClass,
    Purpose,
    Site,
    Storage,
)


async def registers(shop: Company, story: Story) -> bytes:
    """Fill the registers; return the notice's hash."""
    story.chapter("The retailer fills its registers")
    await shop.registrar.put_purpose(
        Purpose(
            id="membership",
            name="Know members at the till",
            necessity="members asked for it",
            operations=(Operation.VERIFY,),
            storage=Storage.DEVICE,
            retention_days=180,
            assessment_sha256=sha("impact assessment of membership"),
            assessment_valid_until=in_days(365),
            reviewed_by="actor-3",
            reviewed_at=datetime.now(UTC),
            alternative="membership card",
        )
    )
    floor = PlaceClass.SHOP_FLOOR
    await shop.registrar.put_site(Site(id="store-8", name="Store 8", place_class=floor))
    await shop.registrar.put_device(
        Device(
            id="till-3",
            name="Camera at till 3",
            site="store-8",
            place_class=floor,
            sign_sha256=sha("photo of the sign at till 3"),
            sign_valid_until=in_days(180),
            collection_area_set=True,
            alternative="membership card",
        )
    )
    await shop.registrar.put_attestation(
        Attestation(protection_valid_until=in_days(365), filing_current=True, refusal_equal=True)
    )
    refused = await story.refused(
        "a camera in the fitting room",
        shop.registrar.put_device(
            Device(id="fitting-1", name="Fitting room", site="store-8", place_class=PlaceClass.CHANGING_ROOM)
        ),
        "PLACE_FORBIDDEN",
    )
    if refused is not None:
        story.expect("the refusal names the article", "cn-2025/art-13" in str(refused.metadata), refused.metadata)
    published = await shop.registrar.publish_notice(
        notice_id="membership",
        purposes=["membership"],
        texts=notice_texts("示例商店 Example Store", "会员识别 / membership"),
    )
    return published.notice.content_hash


async def join(shop: Company, notice: bytes, customer: str) -> None:
    """A member consents on a kiosk."""
    served = await shop.teller.record_notice_served(
        customer=customer, notice_hash=notice, language="zh-CN", channel=Channel.KIOSK
    )
    await shop.teller.capture_consent(
        customer=customer,
        purpose="membership",
        notice_hash=notice,
        notice_served=served,
        choice=Choice.GIVEN,
        operations=(Operation.VERIFY,),
        channel=Channel.KIOSK,
        expression=Expression.CLICK,
        not_after=in_days(180),
        alternative="membership-card",
    )


async def floor(shop: Company, story: Story, notice: bytes) -> None:
    """A member is recognised, a passer-by is not, and nobody's health is guessed."""
    story.chapter("On the shop floor")
    await join(shop, notice, "member-1")
    asked: dict[str, Any] = {"purpose": "membership", "device": "till-3", "operation": Operation.VERIFY}
    async with shop.till.permit(customer="member-1", **asked) as permitted:
        story.allowed("a member at the till, compared by the shop's own engine", permitted.decision)
        permitted.outcome = "match"
    passer_by = await shop.till.authorize(customer=None, **asked)
    story.denied("a passer-by who was never asked", passer_by, ["BASIS_MISSING", "POLICY"], "cn-2025/art-6")
    health = await shop.till.authorize(customer="member-1", inference=Inference.HEALTH, **asked)
    story.denied("guessing a member's health", health, ["POLICY"], "cn-2025/pipl-28")
    tomorrow = await shop.till.check(customer="member-1", **asked)
    story.expect(
        "Check says what Authorize would say, and records nothing", tomorrow.verdict.value == "allow", tomorrow
    )
