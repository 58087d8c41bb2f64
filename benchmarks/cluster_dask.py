"""The workloads of `benchmarks.cluster` on Dask: an actor in a worker process, with the default settings.

PYTHON -m benchmarks.cluster_dask CALLS CASTS    prints one JSON object; PYTHON has `distributed` and `msgspec`
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from distributed import Client, LocalCluster

from benchmarks.cluster_floor import Echo, measure_calls

AT_ONCE: Final = 500
"""Casts whose replies are awaited together."""


async def main(calls: int, casts: int) -> None:
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, asynchronous=True)
    async with cluster, Client(cluster, asynchronous=True) as client:
        actor = await client.submit(Echo, actor=True)

        async def cast_all() -> None:  # every request to an actor has a reply
            for begun in range(0, casts, AT_ONCE):
                await asyncio.gather(*(actor.cast(number) for number in range(begun, min(begun + AT_ONCE, casts))))
            assert casts == await actor.count()

        async def call(request: Any) -> Any:
            return await actor.echo(request)

        print(json.dumps(await measure_calls(call, cast_all, calls, casts)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
