import asyncio

from otp import GenServer, NoReply, Ok, Reply, impl


class ExpiringCache(GenServer):
    @impl
    def init(self, ttl):
        return Ok({"ttl": ttl, "entries": {}})

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case ("get", key):
                value, _ = state["entries"].get(key, (None, None))
                return Reply(value, state)
            case "size":
                return Reply(len(state["entries"]), state)

    @impl
    async def handle_cast(self, request, state):
        match request:
            case ("put", key, value):
                state["entries"][key] = value, 0
                await asyncio.sleep(state["ttl"])
                del state["entries"][key]
                return NoReply(state)

    async def get(cache, key):
        return await GenServer.call(cache, ("get", key))

    async def size(cache):
        return await GenServer.call(cache, "size")

    def put(cache, key, value):
        GenServer.cast(cache, ("put", key, value))
