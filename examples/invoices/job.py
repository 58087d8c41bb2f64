"""Invoices that are sent once: a job that runs on one member of a cluster at a time, by leases in PostgreSQL.

Start it in several terminals with other names, kill the one that sends, and see another one go on:

    export OTP_COOKIE=$(openssl rand -hex 16) OTP_LEASES=postgresql://ada@localhost/shop
    python job.py a

A member that cannot reach PostgreSQL stops sending before another one begins. A send that had begun by then is refused
by its epoch: each transaction compares it with the highest one that has written.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

import asyncpg

import otp
from otp import AlreadyRegistered, Children, GenServer, NoReply, Ok, Stop, Supervisor, impl
from otp.cluster import Cluster, DistributedRegistry, LeaseUnavailable, PostgresLeases, epoch
from otp.distribution import Settings

JOB = "invoices"
PAUSE = 0.2  # seconds between two invoices
RETRY = 0.5  # seconds until a member tries again to become the owner

TABLES = """
CREATE TABLE IF NOT EXISTS invoices (number serial PRIMARY KEY, sender text NOT NULL, epoch bigint NOT NULL);
CREATE TABLE IF NOT EXISTS fences (job text PRIMARY KEY, epoch bigint NOT NULL);
"""
FENCE = """
INSERT INTO fences VALUES ($1, $2)
ON CONFLICT (job) DO UPDATE SET epoch = excluded.epoch WHERE fences.epoch <= excluded.epoch RETURNING epoch
"""
SEND = "INSERT INTO invoices (sender, epoch) VALUES ($1, $2) RETURNING number"


class Sender(GenServer[Any]):
    """Waits until it owns the job, then sends one invoice after the other."""

    @impl
    async def init(self, arg: str):
        otp.send(otp.self(), "own")
        return Ok(await asyncpg.connect(arg, timeout=5, command_timeout=5))

    @impl
    async def handle_info(self, message: Any, state: Any):
        match message:
            case "own":
                try:
                    await DistributedRegistry.register("jobs", JOB)
                except (AlreadyRegistered, LeaseUnavailable):
                    otp.send_after(RETRY, otp.self(), "own")
                else:
                    await state.execute(TABLES)
                    otp.send(otp.self(), "send")
            case "send":
                mine = epoch(("jobs", JOB))
                number = await send_invoice(state, otp.node().name, mine)
                if number is None:
                    return Stop("a later owner has written", state)
                print(f"{otp.node().name} sends invoice {number}, epoch {mine}", flush=True)
                otp.send_after(PAUSE, otp.self(), "send")
        return NoReply(state)


async def send_invoice(connection: Any, sender: str, epoch: int) -> int | None:
    """Send the next invoice and return its number; return None, and send nothing, if a later epoch has written."""
    async with connection.transaction():
        if await connection.fetchval(FENCE, JOB, epoch) is None:
            return None
        return await connection.fetchval(SEND, sender, epoch)


class Jobs(Supervisor):
    @impl
    def init(self, arg: str):
        return Children([DistributedRegistry.child_spec(name="jobs", consistency="lease"), (Sender, arg)])


async def main(name: str, ttl: str = "10") -> None:
    database = os.environ["OTP_LEASES"]
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    async with otp.Node(name) as node:
        await Cluster.join(node, leases=PostgresLeases(database), settings=Settings(lease_ttl=float(ttl)))
        await node.start(Jobs, database)
        await asked.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
