from collections import Counter

from otp import GenServer, NoReply, Ok, Reply, impl

SAVED = {}, Counter()


class SimpleCache(GenServer):
    @classmethod
    def child_spec(cls, arg=None, **options):
        return super().child_spec("go on", **options)

    @impl
    def init(self, arg):
        return Ok(SAVED if arg == "go on" else ({}, Counter()))

    @impl
    async def handle_call(self, request, caller, state):
        entries, counts = state
        if request["do"] == "get":
            found = request["key"] in entries
            counts["hits" if found else "misses"] += 1
            return Reply(entries[request["key"]] if found else None, state)
        return Reply({"hits": counts["hits"], "misses": counts["misses"], "size": len(entries)}, state)

    @impl
    async def handle_cast(self, request, state):
        entries, _ = state
        if request["do"] == "put":
            entries[request["key"]] = request["value"]
        elif request["do"] == "delete":
            entries.pop(request["key"], None)
        else:
            entries.clear()
        return NoReply(state)

    @staticmethod
    async def get(cache, key):
        return await GenServer.call(cache, {"do": "get", "key": key})

    @staticmethod
    async def stats(cache):
        return await GenServer.call(cache, {"do": "stats"})

    @staticmethod
    def put(cache, key, value):
        GenServer.cast(cache, {"do": "put", "key": key, "value": value})

    @staticmethod
    def delete(cache, key):
        GenServer.cast(cache, {"do": "delete", "key": key})

    @staticmethod
    def clear(cache):
        GenServer.cast(cache, {"do": "clear"})
