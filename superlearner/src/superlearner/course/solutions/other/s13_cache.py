from dataclasses import dataclass, field, replace

from otp import GenServer, NoReply, Ok, Reply, impl


@dataclass(frozen=True)
class Table:
    entries: dict = field(default_factory=dict)
    hits: int = 0
    misses: int = 0

    def looked_up(self, key):
        if key in self.entries:
            return self.entries[key], replace(self, hits=self.hits + 1)
        return None, replace(self, misses=self.misses + 1)

    def without(self, key):
        return replace(self, entries={other: value for other, value in self.entries.items() if other != key})


class SimpleCache(GenServer):
    @impl
    def init(self, arg):
        return Ok(Table())

    @impl
    def handle_call(self, request, caller, table):
        if request == "stats":
            return Reply({"hits": table.hits, "misses": table.misses, "size": len(table.entries)}, table)
        return Reply(*table.looked_up(request[1]))

    @impl
    def handle_cast(self, change, table):
        return NoReply(change(table))

    def get(cache, key):
        return GenServer.call(cache, ("get", key))

    def stats(cache):
        return GenServer.call(cache, "stats")

    def put(cache, key, value):
        GenServer.cast(cache, lambda table: replace(table, entries=table.entries | {key: value}))

    def delete(cache, key):
        GenServer.cast(cache, lambda table: table.without(key))

    def clear(cache):
        GenServer.cast(cache, lambda table: replace(table, entries={}))
