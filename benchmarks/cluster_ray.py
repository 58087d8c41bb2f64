"""The workloads of `benchmarks.cluster` on Ray: an actor in a worker process, with the default settings.

PYTHON -m benchmarks.cluster_ray CALLS CASTS    prints one JSON object; PYTHON has `ray` and `msgspec`
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

import ray

from benchmarks.cluster_floor import Echo, measure_calls


async def main(calls: int, casts: int) -> None:
    ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    actor = ray.remote(Echo).remote()

    async def cast_all() -> None:
        for number in range(casts):
            actor.cast.remote(number)
        assert casts == await actor.count.remote()

    async def call(request: Any) -> Any:
        return await actor.echo.remote(request)

    print(json.dumps(await measure_calls(call, cast_all, calls, casts)))
    ray.shutdown()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
