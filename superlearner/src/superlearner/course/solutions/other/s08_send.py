from collections import defaultdict

import otp


def start():
    entries = {}
    monitors = {}
    names_of = defaultdict(set)

    def add(name, pid, meta):
        if name in entries:
            return ("error", "already_registered")
        if pid not in monitors:
            monitors[pid] = otp.monitor(pid)
        entries[name] = (pid, meta)
        names_of[pid].add(name)
        return "ok"

    def remove(name):
        if name in entries:
            pid, _ = entries.pop(name)
            names_of[pid].discard(name)
            if not names_of[pid]:
                otp.demonitor(monitors.pop(pid), flush=True)
        return "ok"

    def forget(pid):
        monitors.pop(pid, None)
        for name in names_of.pop(pid, ()):
            del entries[name]

    def tell(message):
        pids = {pid for pid, _ in entries.values()}
        for pid in pids:
            otp.send(pid, message)
        return len(pids)

    def tell_one(name, message):
        if name not in entries:
            return ("error", "not_found")
        otp.send(entries[name][0], message)
        return "ok"

    functions = {
        "register": add,
        "unregister": remove,
        "lookup": entries.get,
        "names": lambda: sorted(entries),
        "broadcast": tell,
        "send": tell_one,
    }

    async def serve():
        while True:
            message = await otp.receive()
            if message == "stop":
                return
            if isinstance(message, otp.Down):
                forget(message.item)
            else:
                what, arguments, asker, ref = message
                otp.send(asker, (ref, functions[what](*arguments)))

    return otp.spawn(serve)


async def ask(registry, what, *arguments):
    ref = otp.make_ref()
    otp.send(registry, (what, arguments, otp.self(), ref))
    return (await otp.receive(ref, timeout=5))[1]


def register(registry, name, pid=None, meta=None):
    return ask(registry, "register", name, pid or otp.self(), meta)


def unregister(registry, name):
    return ask(registry, "unregister", name)


def lookup(registry, name):
    return ask(registry, "lookup", name)


def names(registry):
    return ask(registry, "names")


async def count(registry):
    return len(await ask(registry, "names"))


def send(registry, name, message):
    return ask(registry, "send", name, message)


def broadcast(registry, message):
    return ask(registry, "broadcast", message)


def stop(registry):
    otp.send(registry, "stop")
