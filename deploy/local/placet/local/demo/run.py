"""The demo from nothing to evidence: start the mesh, play the scenes, stop everything, check what is left."""

import asyncio
import shutil
import time
from contextlib import AsyncExitStack
from pathlib import Path

from placet.evidence.terms import Kind
from placet.local.demo import bank as bank_scenes
from placet.local.demo import compliance, findings, retailer
from placet.local.demo.bank import STAYS, Kept
from placet.local.demo.cast import Company, company
from placet.local.demo.crowd import Crowd, pass_by
from placet.local.demo.story import Story
from placet.local.mesh import Mesh
from placet.sdk import Choice, Filter, Verdict

BANK, RETAILER = "bank", "retailer"
BANK_CROWD, RETAILER_CROWD = 4_000, 6_000
CUSTOMERS, MEMBERS = 25, 25


async def play(folder: Path, story: Story) -> bool:
    """Play the demo, leave everything below `folder`, and return whether every expectation held."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in (BANK, RETAILER):
        (folder / name / "bundles").mkdir(parents=True)
    started = time.monotonic()
    data = folder / "mesh"
    story.chapter("Placet starts: NATS, consent, permission, vault, audit and gateway, each a process of its own")
    async with Mesh(data) as mesh:
        story.tell(f"ready after {time.monotonic() - started:.1f} s, listening on 127.0.0.1 only")
        async with AsyncExitStack() as exits:
            kept = await _scenes(story, await company(mesh, BANK, exits), await company(mesh, RETAILER, exits), folder)
    return _afterwards(story, folder, data, kept, started)


async def _scenes(story: Story, bank: Company, shop: Company, folder: Path) -> Kept:
    kept = Kept()
    bank_notice = await bank_scenes.registers(bank, story)
    await compliance.fill(bank, ("payment", "marketing", "court_search"), "card and PIN")
    adult, child, guardianship = await bank_scenes.consents(bank, story, bank_notice)
    await bank_scenes.faces(bank, story, kept)
    await bank_scenes.legal(bank, story, kept)
    shop_notice = await retailer.registers(shop, story)
    await compliance.forget_a_sign(shop, story)
    await retailer.floor(shop, story, shop_notice)
    receipts = await bank_scenes.withdrawals(bank, story, adult, child, guardianship)
    for number, receipt in enumerate(receipts):
        (folder / BANK / f"withdrawal-receipt-{number + 1}.json").write_text(receipt)

    customers = [f"customer-{n}" for n in range(CUSTOMERS)]
    members = [f"member-{n}" for n in range(2, MEMBERS + 2)]
    await asyncio.gather(*(bank_scenes.capture(bank, bank_notice, one, Choice.GIVEN) for one in customers))
    await asyncio.gather(*(retailer.join(shop, shop_notice, one) for one in members))
    sample = await pass_by(
        [
            Crowd(bank, "payment", "counter-1", [STAYS, *customers], BANK_CROWD),
            Crowd(shop, "membership", "till-3", ["member-1", *members], RETAILER_CROWD),
        ],
        story,
    )
    await compliance.postures(story, folder, bank, shop)
    story.chapter("An auditor takes the evidence home")
    for one in (bank, shop):
        await _take_home(story, one, folder / one.name / "bundles", kept if one is bank else Kept(), sample[one.name])
    return kept


async def _take_home(story: Story, one: Company, folder: Path, kept: Kept, sample: list[int]) -> None:
    """Fetch the bundles of the story's events and of a sample of the crowd's."""
    names = dict.fromkeys(sample, "event") | {index: name for name, index in kept.events.items()}
    for index, name in sorted(names.items()):
        bundle = await one.auditor.bundle(index)
        (folder / f"{index:06d}-{name}.json").write_bytes(bundle.json)
    story.tell(f"{one.name}: {len(names)} bundles, {len(kept.events)} of the story and {len(sample)} of the crowd")
    page = await one.auditor.search_page(Filter(kind=Kind.EVENT, verdict=Verdict.DENY), page_size=1)
    newest = f"the newest is entry {page.found[0].index}; complete up to {page.complete_to} of {page.tree_size}"
    story.tell(f"{one.name}: a search for denied events: {newest}")


def _afterwards(story: Story, folder: Path, data: Path, kept: Kept, started: float) -> bool:
    story.chapter("Every service is stopped. What is left can be checked by anyone, offline")
    tallies = {name: findings.leave_log(data, name, folder / name) for name in (BANK, RETAILER)}
    for name in tallies:
        findings.verify_bundles(story, folder / name, name)
    findings.check_stored(story, data, tallies)
    tampered = findings.tamper(story, data, BANK, kept.events["denied"])
    said = findings.summary(folder, tallies, time.monotonic() - started, tampered)
    story.chapter("In short")
    story.tell(
        f"{said['events']:,} events: {said['allowed']:,} allowed, {said['denied']:,} denied, in {said['seconds']} s"
    )
    story.tell("reasons: " + ", ".join(f"{reason} {count:,}" for reason, count in said["reasons"].items()))
    story.expect(f"{story.checks} expectations, all held", not story.broken, story.broken)
    return not story.broken
