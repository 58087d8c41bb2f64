"""The stage of a soak: everything that runs, and where it listens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
from tools.postgres import Postgres, free_port, postgres_server

from otp.doors import DoorError, Visitor, find_doors

from .programs import EXAMPLES, Program, listening_socket, redis_server, running, uvicorn

STARTS_WITHIN = 60.0


@dataclass(frozen=True)
class Stage:
    postgres: Postgres
    database: str
    redis: Program
    provider: Program
    provider_url: str
    service: Program
    service_url: str
    ports: dict[int, str]
    begun: Path
    """The numbers of the requests that the service has begun."""

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Visitor]:
        """Attach to the service, as the platform does."""
        for tries_left in (2, 1, 0):  # on a busy machine the first visit, which imports the platform, takes long
            [door] = [door for door in find_doors() if door.os_pid == self.service.pid]
            visitor = Visitor(door.address, door.token)
            try:
                await visitor.__aenter__()
                break
            except DoorError:
                if not tries_left:
                    raise
        try:
            yield visitor
        finally:
            await visitor.close()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.database, timeout=5, command_timeout=30)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)


async def wait_ready(url: str) -> None:
    """Wait for an answer: the socket listens already, so the first request waits until the program has started."""
    async with httpx.AsyncClient(timeout=STARTS_WITHIN, trust_env=False) as client:
        (await client.get(url)).raise_for_status()


@asynccontextmanager
async def open_stage(logs: Path, loop: str) -> AsyncIterator[Stage]:
    """Start all programs, and stop them at the end, however the block ends."""
    redis_port = free_port()
    with postgres_server() as postgres, listening_socket() as web, listening_socket() as payments:
        database = postgres.new_database()
        provider_url, service_url = (f"http://127.0.0.1:{at.getsockname()[1]}" for at in (payments, web))
        env = os.environ | {
            "ORDERS_DATABASE": database,
            "ORDERS_REDIS": f"redis://127.0.0.1:{redis_port}",
            "ORDERS_PAYMENTS": provider_url,
            "ORDERS_OPERABLE": "yes",
            "ORDERS_SOAK_BEGUN": str(logs / "begun"),
            "PYTHONFAULTHANDLER": "1",
        }
        programs = [
            Program(uvicorn(app, at.fileno(), loop), logs / f"{name}.log", env, (at.fileno(),))
            for name, app, at in (
                ("provider", "orders.provider:app", payments),
                ("service", "orders.soak.witness:app", web),
            )
        ]
        provider, service = programs
        redis = redis_server(redis_port, logs / "redis.log")
        ports = {postgres.port: "PostgreSQL", redis_port: "Redis", payments.getsockname()[1]: "provider"}
        stage = Stage(postgres, database, redis, provider, provider_url, service, service_url, ports, logs / "begun")
        async with stage.connect() as connection:
            await connection.execute((EXAMPLES / "orders" / "schema.sql").read_text(encoding="utf-8"))
        async with running(redis), running(provider), running(service):
            await asyncio.gather(wait_ready(f"{provider_url}/charges"), wait_ready(f"{service_url}/health/ready"))
            yield stage
