"""How much processor time the SDK takes for an event: `python -m integration.sdk.measure_sdk [callers events]`.

Against the little mesh in a process of its own (valid proofs from a real tree, permits of about 1 KB), so that what is
measured is the client: subject reference, id, message, verification, decision, and gRPC. Run it in tests/.
"""

import asyncio
import subprocess
import sys
import time
from typing import Any

import uvloop
from integration.sdk.conftest import ASK

from placet.sdk import AsyncClient, Coalescing, Config, SubjectReferences, Targets

WARM_UP = 2_000


async def measure(config: Config, callers: int, events: int) -> None:
    """Keep `callers` calls in flight until `events` are answered, and print what one cost."""
    async with AsyncClient(config) as client:
        left = WARM_UP

        async def caller() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                decision = await client.authorize(**ASK, timeout=60)
                assert decision.allowed
                assert decision.permit

        await asyncio.gather(*[caller() for _ in range(callers)])
        left, signatures = events, client._session.trust.signatures_checked
        wall, spent = time.perf_counter(), time.process_time()
        await asyncio.gather(*[caller() for _ in range(callers)])
        wall, spent = time.perf_counter() - wall, time.process_time() - spent
        batches = client._session.trust.signatures_checked - signatures
        print(
            f"{callers} callers, lanes {config.coalescing.lanes}: {events / wall:.0f}/s, "
            f"{spent / events * 1e6:.1f} us of processor an event, {events / batches:.0f} events a checkpoint"
        )


def main() -> None:
    """Start the little mesh and measure."""
    callers, events = (int(one) for one in sys.argv[1:3] or ("64", "20000"))
    command = [sys.executable, "-m", "integration.sdk.little_mesh"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address, vkey = process.stdout.readline().split()
        for coalescing in (Coalescing(), Coalescing(lanes=1)):
            told: dict[str, Any] = dict.fromkeys(("consent", "permission", "vault", "audit"), address)
            config = Config(
                controller="shop",
                targets=Targets(**told),
                token="one.two.three",
                log_vkey=vkey,
                references=SubjectReferences(b"k" * 32),
                coalescing=coalescing,
            )
            uvloop.run(measure(config, callers, events))
        assert process.stdin is not None
        process.stdin.close()


if __name__ == "__main__":
    main()
