"""What asyncio alone costs for the workloads of `benchmarks.cluster`: msgpack over one TCP connection, on loopback.

python -m benchmarks.cluster_floor CALLS CASTS    prints one JSON object
python -m benchmarks.cluster_floor serve          the other program, which prints its port

A frame is its length in four bytes and (number, request) in msgpack; the number of a cast is 0. The codec is that of
msgspec, the fastest one for Python.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from msgspec import msgpack

from benchmarks.peers import ROOT

__all__ = ["Echo", "IN_FLIGHT", "LARGE", "count_in_flight", "measure_calls", "time_calls", "time_echoes"]

IN_FLIGHT: Final = 1_000
LARGE: Final = 15 * 2**20
"""Bytes of the large message."""
ECHOES: Final = 5
BUFFER: Final = 2**20

encode = msgpack.Encoder().encode
decode = msgpack.Decoder().decode


def frame(number: int, request: Any) -> bytes:
    data = encode((number, request))
    return len(data).to_bytes(4, "big") + data


async def read(reader: asyncio.StreamReader) -> Any:
    length = int.from_bytes(await reader.readexactly(4), "big")
    return decode(await reader.readexactly(length))


async def serve() -> None:
    """Answer calls and count casts."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        casts = 0
        try:
            while True:
                number, request = await read(reader)
                if number:
                    writer.write(frame(number, casts if request == "casts" else request))
                    await writer.drain()
                else:
                    casts += 1
        except asyncio.IncompleteReadError:
            ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=BUFFER)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    server.close()


class Echo:
    """An actor of another library: returns each request, and counts casts."""

    def __init__(self) -> None:
        self.casts = 0

    def echo(self, request: Any) -> Any:
        return request

    def cast(self, number: int) -> None:
        self.casts += 1

    def count(self) -> int:
        return self.casts


class Client:
    """The calling side of the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            number, answer = await read(self._reader)
            self._waiting.pop(number).set_result(answer)

    async def call(self, request: Any) -> Any:
        self._number += 1
        future = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        self._writer.write(frame(self._number, request))
        await self._writer.drain()
        return await future

    async def cast(self, request: Any) -> None:
        self._writer.write(frame(0, request))
        await self._writer.drain()


async def time_calls(call: Callable[[Any], Any], calls: int) -> list[float]:
    """Return the seconds that each call takes, one after another, sorted."""
    for number in range(500):
        await call(number)
    times: list[float] = []
    for number in range(calls):
        begun = time.perf_counter()
        await call(number)
        times.append(time.perf_counter() - begun)
    return sorted(times)


async def count_in_flight(call: Callable[[Any], Any], calls: int) -> float:
    """Return the calls per second of `IN_FLIGHT` concurrent callers."""

    async def caller() -> None:
        for number in range(calls // IN_FLIGHT):
            await call(number)

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    return calls / (time.perf_counter() - begun)


async def time_echoes(call: Callable[[Any], Any]) -> float:
    """Return the median duration of a large echo, in seconds."""
    large, times = b"x" * LARGE, list[float]()
    for _ in range(ECHOES):
        begun = time.perf_counter()
        assert len(await call(large)) == LARGE
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


async def measure_calls(
    call: Callable[[Any], Any], cast_all: Callable[[], Any], calls: int, casts: int
) -> dict[str, float]:
    """Measure all workloads; `cast_all` returns once all casts have arrived."""
    times = await time_calls(call, calls)
    begun = time.perf_counter()
    await cast_all()
    rate = casts / (time.perf_counter() - begun)
    return {
        "call_p50_us": statistics.median(times) * 1e6,
        "call_p99_us": times[int(len(times) * 0.99)] * 1e6,
        "casts_per_s": rate,
        "in_flight_per_s": await count_in_flight(call, 5 * calls),
        "echo_s": await time_echoes(call),
    }


async def measure(port: int, calls: int, casts: int) -> dict[str, float]:
    client = Client(*await asyncio.open_connection("127.0.0.1", port, limit=BUFFER))

    async def cast_all() -> None:
        for number in range(casts):
            await client.cast(number)
        assert await client.call("casts") == casts

    return await measure_calls(client.call, cast_all, calls, casts)


def main(words: list[str]) -> None:
    if words == ["serve"]:
        asyncio.run(serve())
        return
    command = [sys.executable, "-m", "benchmarks.cluster_floor", "serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            print(json.dumps(asyncio.run(measure(port, int(words[0]), int(words[1])))))
        finally:
            server.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
