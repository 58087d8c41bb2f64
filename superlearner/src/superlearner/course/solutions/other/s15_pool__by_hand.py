import asyncio

import otp
from otp import Down, GenServer, NoReply, Ok, Reply, impl


class Pool(GenServer):
    @impl
    def init(self, limit):
        return Ok((limit, set()))

    @impl
    def handle_call(self, request, caller, state):
        limit, jobs = state
        match request:
            case ("open", _) if len(jobs) >= limit:
                return Reply("full", state)
            case ("open", seconds):
                pid, _ = otp.spawn_monitor(asyncio.sleep, seconds)
                return Reply(pid, (limit, jobs | {pid}))
            case "count":
                return Reply(len(jobs), state)

    @impl
    def handle_info(self, message, state):
        limit, jobs = state
        if isinstance(message, Down):
            jobs = jobs - {message.item}
        return NoReply((limit, jobs))


async def start_pool(limit):
    return await Pool.start(limit)


async def open_job(pool, seconds):
    return await GenServer.call(pool, ("open", seconds))


async def count(pool):
    return await GenServer.call(pool, "count")
