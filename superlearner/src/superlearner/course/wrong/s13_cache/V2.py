from otp import GenServer, NoReply, Ok, Reply, impl


class SimpleCache(GenServer):
    @impl
    def init(self, arg):
        return Ok({"entries": {}, "hits": 0, "misses": 0})

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case ("get", key) if state["entries"].get(key):
                return Reply(state["entries"][key], state | {"hits": state["hits"] + 1})
            case ("get", _):
                return Reply(None, state | {"misses": state["misses"] + 1})
            case "stats":
                stats = {"hits": state["hits"], "misses": state["misses"], "size": len(state["entries"])}
                return Reply(stats, state)

    @impl
    def handle_cast(self, request, state):
        entries = state["entries"]
        match request:
            case ("put", key, value):
                return NoReply(state | {"entries": entries | {key: value}})
            case ("delete", gone):
                return NoReply(state | {"entries": {key: value for key, value in entries.items() if key != gone}})
            case "clear":
                return NoReply(state | {"entries": {}})

    async def get(cache, key):
        return await GenServer.call(cache, ("get", key))

    async def stats(cache):
        return await GenServer.call(cache, "stats")

    def put(cache, key, value):
        GenServer.cast(cache, ("put", key, value))

    def delete(cache, key):
        GenServer.cast(cache, ("delete", key))

    def clear(cache):
        GenServer.cast(cache, "clear")
