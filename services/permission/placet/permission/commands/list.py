"""`placet policy list`: the packs that come with Placet, since when they are law, and how well they were read."""

import json
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from placet.permission.commands.output import Output, OutputOption
from placet.permission.policy.metadata import Confidence
from placet.permission.policy.pack import SHIPPED, Pack, load_shipped


def list_packs(output: OutputOption = Output.TEXT) -> None:
    """List the policy packs with version, dates, rules and how many of them were read in the text."""
    packs = [load_shipped(folder.name) for folder in sorted(SHIPPED.iterdir()) if folder.is_dir()]
    rows = [_row(pack) for pack in packs]
    if output is Output.JSON:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("pack", "version", "in force from", "until", "rules", "read", "unverified")
    for row in rows:
        since = "never: a draft" if row["draft"] else _day(row["from"])
        counts = (str(row[key]) for key in ("rules", "read", "unverified"))
        table.add_row(row["id"], row["version"], since, _day(row["until"]), *counts)
    Console(highlight=False).print(table)


def _day(moment: str | None) -> str:
    return moment[:10] if moment else "-"


def _row(pack: Pack) -> dict[str, Any]:
    in_force = pack.metadata.in_force
    until = in_force.until if in_force else None
    counted = Counter(rule.confidence for rule in pack.rules.values())
    return {
        "id": pack.id,
        "version": pack.metadata.version,
        "title": pack.metadata.title.en,
        "draft": pack.draft,
        "from": in_force.begin.isoformat() if in_force else None,
        "until": until.isoformat() if until else None,
        "rules": len(pack.rules),
        "read": counted[Confidence.READ],
        "unverified": counted[Confidence.UNVERIFIED],
        "hash": pack.hash,
    }
