import otp


class Registry:
    def __init__(self):
        self.entries = {}

    async def run(self):
        while (message := await otp.receive()) is not None:
            function, asker, ref = message
            otp.send(asker, (ref, function(self)))

    def add(self, name, entry):
        if name in self.entries:
            return ("error", "already_registered")
        self.entries[name] = entry
        return "ok"

    def remove(self, name):
        self.entries.pop(name, None)
        return "ok"


async def within(registry, function):
    ref = otp.monitor(registry)
    otp.send(registry, (function, otp.self(), ref))
    answer = await otp.receive(ref)
    otp.demonitor(ref, flush=True)
    if isinstance(answer, otp.Down):
        otp.exit(("registry_down", answer.reason))
    return answer[1]


def start():
    return otp.spawn(Registry().run)


async def register(registry, name, pid=None, meta=None):
    entry = (otp.self() if pid is None else pid, meta)
    return await within(registry, lambda table: table.add(name, entry))


async def unregister(registry, name):
    return await within(registry, lambda table: table.remove(name))


async def lookup(registry, name):
    return await within(registry, lambda table: table.entries.get(name))


async def names(registry):
    return await within(registry, lambda table: sorted(table.entries))


async def count(registry):
    return await within(registry, lambda table: len(table.entries))


def stop(registry):
    otp.send(registry, None)
