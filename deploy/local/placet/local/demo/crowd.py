"""Ten thousand more events through the batch path: members and customers all day, and a few who never consented."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from placet.local.demo.cast import Company
from placet.local.demo.story import Story
from placet.sdk import FaceEvent, Operation

BATCH = 256
SEED = 2025


@dataclass(frozen=True)
class Crowd:
    """Who passes a camera: mostly people who consented, some who did not."""

    company: Company
    purpose: str
    device: str
    people: Sequence[str]
    events: int


async def pass_by(crowds: Sequence[Crowd], story: Story) -> None:
    """Send all events, a batch at a time for each company, with a progress bar."""
    total = sum(crowd.events for crowd in crowds)
    story.chapter(f"A busy day: {total:,} more events through the batch path")
    columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=story.console) as bar:
        tasks = []
        for crowd in crowds:
            task = bar.add_task(crowd.company.name, total=crowd.events)
            tasks.append(_pass_by(crowd, partial(bar.advance, task)))
        counts = await asyncio.gather(*tasks)
    for crowd, (allowed, denied, wrong) in zip(crowds, counts, strict=True):
        name, sent = crowd.company.name, crowd.events
        story.expect(
            f"{name}: {sent:,} events, {allowed:,} allowed and {denied:,} denied, each as it had to be, each proven",
            allowed + denied == sent and not wrong,
            wrong[:3],
        )


async def _pass_by(crowd: Crowd, advance: Callable[[float], None]) -> tuple[int, int, list[str]]:
    dice = random.Random(SEED)  # noqa: S311 - a made-up crowd
    allowed = denied = 0
    wrong: list[str] = []
    for begin in range(0, crowd.events, BATCH):
        size = min(BATCH, crowd.events - begin)
        known = [dice.random() < 0.97 for _ in range(size)]
        events = [
            FaceEvent(
                customer=dice.choice(crowd.people) if one else f"stranger-{dice.randrange(40)}",
                purpose=crowd.purpose,
                device=crowd.device,
                operation=Operation.VERIFY,
            )
            for one in known
        ]
        decisions = await crowd.company.till.authorize_batch(events, timeout=60)
        for decision, expected in zip(decisions, known, strict=True):
            allowed += decision.allowed
            denied += not decision.allowed
            if decision.allowed is not expected:
                wrong.append(f"{decision.index}: {decision.reasons}")
        advance(size)
    return allowed, denied, wrong
