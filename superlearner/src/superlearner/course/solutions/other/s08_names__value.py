from functools import partial

import otp


async def serve(entries=()):
    message = await otp.receive()
    if message == {"do": "stop"}:
        return
    answer, entries = step(entries, message)
    otp.send(message["from"], {"ref": message["ref"], "answer": answer})
    await serve(entries)


def step(entries, message):
    match message:
        case {"do": "register", "name": name, "pid": pid, "meta": meta}:
            if any(entry[0] == name for entry in entries):
                return ("error", "already_registered"), entries
            return "ok", (*entries, (name, pid, meta))
        case {"do": "unregister", "name": name}:
            return "ok", tuple(entry for entry in entries if entry[0] != name)
        case {"do": "list"}:
            return entries, entries


async def call(registry, do, **more):
    ref = otp.make_ref()
    otp.send(registry, {"do": do, "from": otp.self(), "ref": ref, **more})
    answer = await otp.receive(lambda message: isinstance(message, dict) and message.get("ref") == ref, timeout=5)
    return answer["answer"]


start = partial(otp.spawn, serve)


async def register(registry, name, pid=None, meta=None):
    return await call(registry, "register", name=name, pid=pid or otp.self(), meta=meta)


def unregister(registry, name):
    return call(registry, "unregister", name=name)


async def lookup(registry, name):
    for known, pid, meta in await call(registry, "list"):
        if known == name:
            return (pid, meta)
    return None


async def names(registry):
    return sorted(name for name, _, _ in await call(registry, "list"))


async def count(registry):
    return len(await call(registry, "list"))


def stop(registry):
    otp.send(registry, {"do": "stop"})
