from otp import GenServer, NoReply, Ok, Reply, impl


class SimpleCache(GenServer):
    @impl
    def init(self, arg):
        return Ok(({}, {"hits": 0, "misses": 0, "size": 0}))

    @impl
    def handle_call(self, request, caller, state):
        entries, stats = state
        match request:
            case ("get", key):
                stats["hits" if key in entries else "misses"] += 1
                return Reply(entries.get(key), state)
            case "stats":
                stats["size"] = len(entries)
                return Reply(stats, state)

    @impl
    def handle_cast(self, request, state):
        entries, _ = state
        match request:
            case ("put", key, value):
                entries[key] = value
            case ("delete", key):
                entries.pop(key, None)
            case "clear":
                entries.clear()
        return NoReply(state)

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
