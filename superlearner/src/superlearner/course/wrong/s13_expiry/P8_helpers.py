import asyncio

import otp
from otp import GenServer, NoReply, Ok, Reply, impl


async def wait(cache, ttl, key, number):
    await asyncio.sleep(ttl)
    GenServer.cast(cache, ("expire", key, number))


class ExpiringCache(GenServer):
    @impl
    def init(self, ttl):
        return Ok((ttl, 0, {}))

    @impl
    def handle_call(self, request, caller, state):
        entries = state[2]
        match request:
            case "size":
                return Reply(len(entries), state)
            case key, if_missing:
                return Reply(entries.get(key, (0, if_missing))[1], state)

    @impl
    def handle_cast(self, request, state):
        ttl, number, entries = state
        match request:
            case ("put", key, value):
                otp.spawn(wait, otp.self(), ttl, key, number + 1)
                return NoReply((ttl, number + 1, entries | {key: (number + 1, value)}))
            case ("expire", key, _):
                entries.pop(key, None)
                return NoReply((ttl, number, entries))

    async def get(cache, key):
        return await GenServer.call(cache, (key, None))

    async def size(cache):
        return await GenServer.call(cache, "size")

    def put(cache, key, value):
        GenServer.cast(cache, ("put", key, value))
