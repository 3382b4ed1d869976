"""What the benches are judged by: a bound is kept on its own side only, and every bound is the documented one."""

import io
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console
from unit.local.bench_results import PAGE, documented, grown, keys, mesh

from placet.local.bench import report
from placet.local.bench.grow import report as grown_report
from placet.local.bench.limits import Limit, all_kept


def set_in(result: dict[str, Any], path: str, figure: float) -> None:
    *way, last = path.split("/")
    for name in way:
        result = result[int(name) if isinstance(result, list) else name]
    result[int(last) if isinstance(result, list) else last] = figure


@pytest.mark.parametrize("bound", [1.5, 2.0, 20_000.0])
def test_a_bound_is_kept_and_what_lies_beyond_it_is_not(bound: float) -> None:
    def kept(found: float, *, at_least: bool) -> bool:
        return Limit(what="it", found=found, bound=bound, unit="x", at_least=at_least).kept

    found = {"below": bound * 0.99, "at it": bound, "above": bound * 1.01, "not measured": math.nan}
    assert [name for name, one in found.items() if kept(one, at_least=True)] == ["at it", "above"]
    assert [name for name, one in found.items() if kept(one, at_least=False)] == ["below", "at it"]


BROKEN = [
    (mesh, report.limits, "unary/64/rps", 440.0),
    (mesh, report.limits, "sdk/64/rps", 1_190.0),
    (mesh, report.limits, "unary/1/p50_ms", 4.6),
    (mesh, report.limits, "batch/128/events_per_s", 39_999.0),
    (mesh, report.limits, "batch/512/events_per_s", 49_999.0),
    (mesh, report.limits, "half/p99_ms", 25.1),
    (mesh, report.limits, "audit_rss_mb", 401.0),
    (lambda: mesh("postgresql"), report.limits, "batch/512/events_per_s", 19_999.0),
    (grown, grown_report.limits, "costs/0/ratio", 1.31),
    (grown, grown_report.limits, "first_proof/process/p50_ms", 5.1),
]


@pytest.mark.parametrize(("made", "judge", "path", "figure"), BROKEN, ids=[one[2] for one in BROKEN])
def test_each_limit_is_judged_both_ways(
    made: Callable[[], dict[str, Any]], judge: Callable[[dict[str, Any]], list[Limit]], path: str, figure: float
) -> None:
    result = made()
    assert all_kept(judge(result))
    set_in(result, path, figure)
    assert [limit.found for limit in judge(result) if not limit.kept] != []
    assert sum(not limit.kept for limit in judge(result)) == 1


def test_every_key_of_the_json_is_documented() -> None:
    assert set(keys(mesh())) == documented("The JSON of a mesh")
    assert set(keys(grown())) == documented("The JSON of a log that grows")


def test_every_limit_stands_in_the_documentation() -> None:
    table = set(re.findall(r"^\| ([^|]+?) \| ([<>]= [^|]+?) \|$", PAGE, flags=re.M))
    judged = [*report.limits(mesh()), *report.limits(mesh("postgresql")), *grown_report.limits(grown())]
    bounds = {f"{'>=' if one.at_least else '<='} {one.bound:,g} {one.unit}" for one in judged}
    assert bounds == {bound for _, bound in table}


@pytest.mark.parametrize(("show", "result"), [(report.show, mesh()), (grown_report.show, grown())])
def test_people_see_which_limit_is_not_kept(show: Callable[..., None], result: dict[str, Any]) -> None:
    assert printed(show, result).count(" NO ") == 0
    set_in(result, "audit_rss_mb" if "batch" in result else "costs/0/ratio", 1_000.0)
    assert printed(show, result).count(" NO ") == 1


def printed(show: Callable[..., None], result: dict[str, Any]) -> str:
    out = io.StringIO()
    show(Console(file=out, width=160), result)
    return out.getvalue()
