import otp
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
    def handle_cast(self, request, state):
        match request:
            case ("put", key, value):
                otp.send_after(state["ttl"], otp.self(), ("expired", key, value))
                return NoReply(state | {"entries": state["entries"] | {key: (value, None)}})

    @impl
    def handle_info(self, message, state):
        match message:
            case ("expired", key, value) if key in state["entries"] and state["entries"][key][0] == value:
                kept = {other: entry for other, entry in state["entries"].items() if other != key}
                return NoReply(state | {"entries": kept})
            case _:
                return NoReply(state)

    async def get(cache, key):
        return await GenServer.call(cache, ("get", key))

    async def size(cache):
        return await GenServer.call(cache, "size")

    def put(cache, key, value):
        GenServer.cast(cache, ("put", key, value))
