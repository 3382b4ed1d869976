"""`python -m tests.bench.sequencer --database postgres|sqlite --batch N`: the sequencer alone, without a mesh.

Each group is one request of N events as it comes from NATS: decoded, judged, committed durably, signed, answered.
Every event has its own key and asks for a permit; 300 consents and 16 contexts take turns. PostgreSQL is the server of
`PLACET_TEST_POSTGRES_URL` or one started from the wheel, with the service's own role.
"""

import argparse
import json
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import msgspec
from rich.progress import track

from placet.audit.partitions import ENTRIES, Partitions
from placet.audit.queueing import Waiting
from placet.audit.statements import writing
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import AppendRequest, decode_reply, decode_request, encode_decision, encode_request
from tests.bench.postgres import server
from tests.integration.audit.audit_databases import make
from tests.integration.audit.rig import SECOND, Rig, decision, event, grant_draft, submission

CONSENTS = 300
PLACES = [f"place_{number}" for number in range(16)]


@dataclass(frozen=True)
class Figures:
    """What was measured, at the median group, which what else runs on the machine disturbs least.

    `cpu_us_per_event` is processor time of this process, `server_us_per_event` that of PostgreSQL's process for it, if
    that is on this machine (mean of all groups).
    """

    database: str
    batch: int
    events: int
    events_per_s: float
    us_per_event: float
    cpu_us_per_event: float
    server_us_per_event: float
    ms_per_group: float


@contextmanager
def rig(database: str, folder: Path) -> Iterator[Rig]:
    """Yield a new log on the kind of database asked for."""
    with ExitStack() as stack:
        made = Rig(folder, None if database == "sqlite" else make(stack.enter_context(server(folder))).service)
        stack.callback(made.close)
        made.partitions = Partitions(made.engines.writer, ENTRIES)
        made.now = time.time_ns() // 1_000
        made.restart()
        yield made


def requests(made: Rig, batch: int, groups: int) -> list[bytes]:
    """Return encoded requests of `batch` events each."""
    raw = [msgspec.Raw(encode_decision(decision(place_class=place))) for place in PLACES]
    found = []
    for number in range(groups):
        events = [
            msgspec.structs.replace(
                event(made.now, (number + n) % CONSENTS, key=_key(), permit=1), decision=n % len(PLACES)
            )
            for n in range(batch)
        ]
        found.append(encode_request(AppendRequest(made.now + 3_600 * SECOND, [], raw, events)))
    return found


def _key() -> bytes:
    """Return a UUIDv7: ascending, as the SDK makes them."""
    milliseconds = time.time_ns() // 1_000_000
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | int.from_bytes(os.urandom(7))).bytes


def measure(made: Rig, encoded: bytes) -> tuple[float, float]:
    """Run one group; return the seconds and the seconds of processor time that it took."""
    clock, cpu = time.perf_counter(), time.process_time()
    answers: list[bytes | PlacetError] = []
    made.sequencer.run([Waiting("permission", decode_request(encoded), answers.append)])
    spent = time.perf_counter() - clock, time.process_time() - cpu
    if isinstance(answers[0], PlacetError):  # a process that was stopped meanwhile loses its transaction
        return measure(made, encoded)
    assert all(result.error is None for result in decode_reply(answers[0]).results)
    return spent


def _server_cpu(made: Rig) -> float:
    """Return the seconds of processor time of the server's process that our groups go to; 0 if there is none here."""
    if made.engines.serial:
        return 0.0
    with writing(made.engines.direct) as session:
        (backend,) = session.run("SELECT pg_backend_pid()").fetchone()
    stat = Path(f"/proc/{backend}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(database: str, batch: int, events: int) -> Figures:
    """Measure one size of group."""
    groups = max(20, events // batch)
    warm_up = max(10, groups // 10)
    with tempfile.TemporaryDirectory(prefix="placet-bench-") as folder, rig(database, Path(folder)) as made:
        grants = [submission(grant_draft(made.now), key=os.urandom(16)) for _ in range(CONSENTS)]
        made.send(*grants, service="consent")
        encoded = track(requests(made, batch, groups + warm_up), f"{database}, groups of {batch}", transient=True)
        before = _server_cpu(made)
        spent = [measure(made, one) for one in encoded][warm_up:]
        server = _server_cpu(made) - before
    seconds, cpu = (median(column) for column in zip(*spent, strict=True))
    return Figures(
        database,
        batch,
        groups * batch,
        round(batch / seconds, 1),
        round(seconds / batch * 1e6, 2),
        round(cpu / batch * 1e6, 2),
        round(server / batch / (groups + warm_up) * 1e6, 2),
        round(seconds * 1e3, 3),
    )


def main() -> None:
    """Measure and print a line for each size of group."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sequencer")
    parser.add_argument("--database", choices=("postgres", "sqlite"), default="sqlite")
    parser.add_argument("--batch", type=int, nargs="+", default=[512], help="events in a group, 1 to 512")
    parser.add_argument("--events", type=int, default=100_000, help="events for each size")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    chosen = parser.parse_args()
    for batch in chosen.batch:
        found = run(chosen.database, batch, chosen.events)
        print(json.dumps(asdict(found)) if chosen.json else in_words(found))


def in_words(found: Figures) -> str:
    """Return the figures as a line."""
    return (
        f"{found.database}, groups of {found.batch}: {found.events_per_s:,.0f} events/s, "
        f"{found.us_per_event:.1f} us per event (processor time {found.cpu_us_per_event:.1f} us here and "
        f"{found.server_us_per_event:.1f} us in the server), {found.ms_per_group:.2f} ms per group"
    )


if __name__ == "__main__":
    main()
