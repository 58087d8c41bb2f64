from otp import GenServer, NoReply, Ok, Reply, impl


class Cache(GenServer):
    @impl
    def init(self, arg):
        return Ok({})

    @impl
    def handle_call(self, request, caller, entries):
        match request:
            case ("get", key, default):
                return Reply(entries.get(key, default), entries)
            case ("get_or_put", key, make):
                entries = entries if key in entries else {**entries, key: make()}
                return Reply(entries[key], entries)
            case "entries":
                return Reply(entries.copy(), entries)

    @impl
    def handle_cast(self, request, entries):
        _, key, value = request
        return NoReply({**entries, key: value})


async def start():
    return await Cache.start(None)


async def put(cache, key, value):
    GenServer.cast(cache, ("put", key, value))


async def get(cache, key, default=None):
    return await GenServer.call(cache, ("get", key, default))


async def get_or_put(cache, key, make):
    return await GenServer.call(cache, ("get_or_put", key, make))


async def entries(cache):
    return await GenServer.call(cache, "entries")
