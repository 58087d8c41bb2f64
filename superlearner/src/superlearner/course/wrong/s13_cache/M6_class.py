from otp import GenServer, NoReply, Ok, Reply, impl


class SimpleCache(GenServer):
    entries = {}
    counts = {"hits": 0, "misses": 0}

    @impl
    def init(self, arg):
        return Ok(None)

    @impl
    def handle_call(self, request, caller, s):
        match request:
            case ("get", key):
                if key in self.entries:
                    self.counts["hits"] += 1
                    return Reply(self.entries[key], s)
                self.counts["misses"] += 1
                return Reply(None, s)
            case "stats":
                return Reply({**self.counts, "size": len(self.entries)}, s)

    @impl
    def handle_cast(self, request, s):
        match request:
            case ("put", k, v):
                self.entries[k] = v
            case ("delete", k):
                self.entries.pop(k, None)
            case "clear":
                self.entries.clear()
        return NoReply(s)

    async def get(c, k):
        return await GenServer.call(c, ("get", k))

    async def stats(c):
        return await GenServer.call(c, "stats")

    def put(c, k, v):
        GenServer.cast(c, ("put", k, v))

    def delete(c, k):
        GenServer.cast(c, ("delete", k))

    def clear(c):
        GenServer.cast(c, "clear")
