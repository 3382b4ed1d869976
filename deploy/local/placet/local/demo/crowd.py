"""Ten thousand more events through the batch path: members and customers all day, and a few who never consented."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from placet.local.demo.cast import Company
from placet.local.demo.story import Story
from placet.sdk import FaceEvent, Operation

BATCH = 256
SEED = 2025
SAMPLE = 100
"""About how many events of each crowd an auditor looks at."""


@dataclass(frozen=True)
class Crowd:
    """Who passes a camera: mostly people who consented, some who did not."""

    company: Company
    purpose: str
    device: str
    people: Sequence[str]
    events: int


@dataclass
class Seen:
    """Send all events, a batch at a time for each company, with a progress bar; return a sample of the indexes."""

    allowed: int = 0
    denied: int = 0
    wrong: list[str] = field(default_factory=list)
    sample: list[int] = field(default_factory=list)


async def pass_by(crowds: Sequence[Crowd], story: Story) -> dict[str, list[int]]:
    """Send all events, a batch at a time for each company, with a progress bar; return a sample of their indexes."""
    total = sum(crowd.events for crowd in crowds)
    story.chapter(f"A busy day: {total:,} more events through the batch path")
    columns = (TextColumn("   {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=story.console) as bar:
        tasks = []
        for crowd in crowds:
            task = bar.add_task(crowd.company.name, total=crowd.events)
            tasks.append(_pass_by(crowd, partial(bar.advance, task)))
        found = await asyncio.gather(*tasks)
    for crowd, seen in zip(crowds, found, strict=True):
        said = f"{seen.allowed:,} allowed and {seen.denied:,} denied, each as it had to be, each proven"
        complete = seen.allowed + seen.denied == crowd.events
        story.expect(
            f"{crowd.company.name}: {crowd.events:,} events, {said}", complete and not seen.wrong, seen.wrong[:3]
        )
    return {crowd.company.name: seen.sample for crowd, seen in zip(crowds, found, strict=True)}


async def _pass_by(crowd: Crowd, advance: Callable[[float], None]) -> Seen:
    dice = random.Random(SEED)  # noqa: S311 - a made-up crowd
    seen = Seen()
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
            seen.allowed += decision.allowed
            seen.denied += not decision.allowed
            if decision.allowed is not expected:
                seen.wrong.append(f"{decision.index}: {decision.reasons}")
        seen.sample.extend(decision.index for decision in decisions[:: max(1, crowd.events // SAMPLE)])
        advance(size)
    return seen
