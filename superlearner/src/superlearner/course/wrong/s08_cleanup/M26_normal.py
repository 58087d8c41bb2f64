import otp


async def loop():
    owners = {}
    while True:
        match await otp.receive():
            case ("register", name, _, _, from_, ref) if name in owners:
                otp.send(from_, (ref, ("error", "already_registered")))
            case ("register", name, pid, meta, from_, ref):
                owners[name] = (pid, meta, otp.monitor(pid))
                otp.send(from_, (ref, "ok"))
            case ("unregister", name, from_, ref):
                if name in owners:
                    otp.demonitor(owners.pop(name)[2], flush=True)
                otp.send(from_, (ref, "ok"))
            case ("lookup", name, from_, ref):
                otp.send(from_, (ref, owners[name][:2] if name in owners else None))
            case ("names", from_, ref):
                otp.send(from_, (ref, sorted(owners)))
            case otp.Down(ref=down, reason=reason) if reason != "normal":
                owners = {name: owner for name, owner in owners.items() if owner[2] != down}
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
