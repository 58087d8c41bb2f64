import otp


async def loop():
    owners, monitors = {}, {}
    while True:
        match await otp.receive():
            case ("register", name, _, _, from_, ref) if name in owners:
                otp.send(from_, (ref, ("error", "already_registered")))
            case ("register", name, pid, meta, from_, ref):
                owners[name] = (pid, meta)
                if pid not in monitors:
                    monitors[pid] = otp.monitor(pid)
                otp.send(from_, (ref, "ok"))
            case ("unregister", name, from_, ref):
                if name in owners:
                    pid, _ = owners.pop(name)
                    if pid in monitors:
                        otp.demonitor(monitors.pop(pid), flush=True)
                otp.send(from_, (ref, "ok"))
            case ("lookup", name, from_, ref):
                otp.send(from_, (ref, owners.get(name)))
            case ("names", from_, ref):
                otp.send(from_, (ref, sorted(owners)))
            case otp.Down(item=down):
                monitors.pop(down, None)
                owners = {name: owner for name, owner in owners.items() if owner[0] != down}
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
