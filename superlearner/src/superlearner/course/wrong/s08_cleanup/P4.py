import otp


async def loop():
    owners = {}
    otp.send_after(1, otp.self(), "tidy up")
    while True:
        match await otp.receive():
            case ("register", name, _, _, from_, ref) if name in owners:
                otp.send(from_, (ref, ("error", "already_registered")))
            case ("register", name, pid, meta, from_, ref):
                owners[name] = (pid, meta)
                otp.send(from_, (ref, "ok"))
            case ("unregister", name, from_, ref):
                owners.pop(name, None)
                otp.send(from_, (ref, "ok"))
            case ("lookup", name, from_, ref):
                otp.send(from_, (ref, owners[name][:2] if name in owners else None))
            case ("names", from_, ref):
                otp.send(from_, (ref, sorted(owners)))
            case "tidy up":
                owners = {name: owner for name, owner in owners.items() if otp.is_alive(owner[0])}
                otp.send_after(1, otp.self(), "tidy up")
            case "stop":
                return


async def ask(registry, *request):
    ref = otp.make_ref()
    otp.send(registry, (*request, otp.self(), ref))
    _, value = await otp.receive(ref, timeout=5)
    return value


def start():
    return otp.spawn(loop)


async def register(registry, name, pid=None, meta=None):
    return await ask(registry, "register", name, pid or otp.self(), meta)


async def unregister(registry, name):
    return await ask(registry, "unregister", name)


async def lookup(registry, name):
    return await ask(registry, "lookup", name)


async def names(registry):
    return await ask(registry, "names")


async def count(registry):
    return len(await names(registry))


def stop(registry):
    otp.send(registry, "stop")
