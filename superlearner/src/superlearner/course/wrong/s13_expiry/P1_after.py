import asyncio

from otp import Continue, GenServer, NoReply, Ok, Reply, impl


class ExpiringCache(GenServer):
    @impl
    def init(self, ttl):
        return Ok((ttl, {}))

    @impl
    def handle_call(self, request, caller, state):
        _, entries = state
        if request == "size":
            return Reply(len(entries), state)
        return Reply(entries.get(request[1]), state)

    @impl
    def handle_cast(self, request, state):
        ttl, entries = state
        _, key, value = request
        return NoReply((ttl, entries | {key: value}), then=Continue(key))

    @impl
    async def handle_continue(self, key, state):
        ttl, entries = state
        await asyncio.sleep(ttl)
        return NoReply((ttl, {other: value for other, value in entries.items() if other != key}))

    async def get(cache, key):
        return await GenServer.call(cache, ("get", key))

    async def size(cache):
        return await GenServer.call(cache, "size")

    def put(cache, key, value):
        GenServer.cast(cache, ("put", key, value))
