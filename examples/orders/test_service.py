"""The service as a program, with real servers beside it."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tools.postgres import NotInstalled

from .soak.stage import Stage, open_stage

pytestmark = pytest.mark.program

ORDER = {"customer": "ada", "cents": 1000}


def on_stage(tmp_path: Path, test: Callable[[Stage, httpx.AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with open_stage(tmp_path, "uvloop") as stage:
            async with httpx.AsyncClient(base_url=stage.service_url, timeout=30, trust_env=False) as client:
                await test(stage, client)

    try:
        asyncio.run(main())
    except NotInstalled as missing:
        pytest.skip(str(missing))


NOTIFY_OF_OUTCOMES = """
CREATE FUNCTION notify_of_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('outcomes', NEW.id::text); RETURN NEW; END $$;
CREATE TRIGGER outcome AFTER INSERT ON outcomes FOR EACH ROW EXECUTE FUNCTION notify_of_outcome();
"""


def test_an_accepted_order_outlives_its_database_cache_provider_and_service(tmp_path: Path):
    async def test(stage: Stage, client: httpx.AsyncClient) -> None:
        async with httpx.AsyncClient(base_url=stage.provider_url, trust_env=False) as provider:
            await provider.put("/mode/error")
            id = uuid4()
            assert (await client.put(f"/orders/{id}", json=ORDER)).status_code == 202
            assert (await client.get(f"/orders/{id}")).json() == {"status": "accepted", "payment": None}
            stage.postgres.restart("immediate")
            await stage.redis.stop()
            stage.redis.start()
            stage.service.signal(signal.SIGKILL)
            await stage.service.stop()
            await provider.put("/mode/ok")
        async with stage.connect() as connection:
            await connection.execute(NOTIFY_OF_OUTCOMES)
            await connection.execute("UPDATE orders SET due = now()")  # not after a pause, or the lease of a worker
            stored = asyncio.get_running_loop().create_future()
            await connection.add_listener("outcomes", lambda *notified: stored.set_result(notified[-1]))
            stage.service.start()
            assert await asyncio.wait_for(stored, 60) == str(id)
        assert (await client.get(f"/orders/{id}")).json()["status"] == "paid"

    on_stage(tmp_path, test)


def test_requests_in_flight_are_answered_after_sigterm(tmp_path: Path):
    async def test(stage: Stage, client: httpx.AsyncClient) -> None:
        body = json.dumps(ORDER).encode()
        host, port = client.base_url.host, client.base_url.port
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            f"PUT /orders/{uuid4()} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")  # the service waits for the order
        idle_reader, idle_writer = await asyncio.open_connection(host, port)
        idle_writer.write(f"GET /health/live HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (await idle_reader.readuntil(b"true")).startswith(b"HTTP/1.1 200")
        stopping = asyncio.create_task(stage.service.stop())
        assert await idle_reader.read() == b""  # it shuts down: idle connections are closed
        writer.write(body)
        assert b"202 Accepted" in await reader.read()
        await stopping
        assert stage.service.ends in ([0], [-signal.SIGTERM])
        writer.close()
        idle_writer.close()

    on_stage(tmp_path, test)
