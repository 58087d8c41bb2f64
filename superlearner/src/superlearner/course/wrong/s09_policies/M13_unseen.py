import otp

GOOD = ("normal", "shutdown")


def needs_restart(policy, reason):
    good = reason in GOOD or (isinstance(reason, tuple) and reason[:1] == ("shutdown",))
    return policy == "always" or (policy == "transient" and not good)


async def agent_monitor(policy="transient", delay=0):
    agents = {}  # by name: a dict
    names = {}  # by the reference of the monitor: the name

    def answer(from_, ref, value):
        otp.send(from_, (ref, value))

    def start(name, fn, args, restarts):
        pid, monitor = otp.spawn_monitor(fn, *args)
        agents[name] = {"pid": pid, "fn": fn, "args": args, "restarts": restarts, "monitor": monitor}
        names[monitor] = name
        return pid

    async def stop(name):
        agent = agents.pop(name)
        del names[agent["monitor"]]
        otp.exit(agent["pid"], "shutdown")
        await otp.receive(agent["monitor"])  # its Down

    while True:
        message = await otp.receive()
        if message == "stop":
            for name in list(agents):
                await stop(name)
            return
        match message:
            case ("start_agent", name, _, _, from_, ref) if name in agents:
                answer(from_, ref, ("error", "already_exists"))
            case ("start_agent", name, fn, args, from_, ref):
                answer(from_, ref, ("ok", start(name, fn, args, 0)))
            case ("stop_agent" | "status", name, from_, ref) if name not in agents:
                answer(from_, ref, ("error", "not_found"))
            case ("stop_agent", name, from_, ref):
                await stop(name)
                answer(from_, ref, "ok")
            case ("status", name, from_, ref):
                answer(from_, ref, ("ok", agents[name]["pid"], agents[name]["restarts"]))
            case ("list", from_, ref):
                answer(from_, ref, tuple(sorted((name, agent["pid"]) for name, agent in agents.items())))
            case otp.Down(ref=monitor, reason=reason) if monitor in names:
                name = names.pop(monitor)
                old = agents.pop(name)
                if needs_restart(policy, reason):
                    old["pid"] = otp.spawn(old["fn"], *old["args"])
                    old["restarts"] += 1
                    agents[name] = old
