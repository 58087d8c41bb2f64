import otp

GOOD = ("normal", "shutdown")


def needs_restart(policy, reason):
    good = reason in GOOD or (isinstance(reason, tuple) and reason[:1] == ("shutdown",))
    return policy == "always" or (policy == "transient" and not good)


async def agent_monitor(policy="transient", delay=0):
    otp.process_flag("trap_exit", True)
    agents = {}  # name: [pid, function, arguments, restarts]
    names = {}  # pid: name

    def start(name, fn, args, restarts):
        pid, _ = otp.spawn_monitor(fn, *args)
        otp.link(pid)
        agents[name] = [pid, fn, args, restarts]
        names[pid] = name
        return pid

    while True:
        match await otp.receive():
            case ("start_agent", name, fn, args, from_, ref):
                if name in agents:
                    otp.send(from_, (ref, ("error", "already_exists")))
                else:
                    otp.send(from_, (ref, ("ok", start(name, fn, args, 0))))
            case ("stop_agent", name, from_, ref):
                if name in agents:
                    pid = agents.pop(name)[0]
                    names.pop(pid)
                    otp.exit(pid, "shutdown")
                    await otp.wait_down(pid)
                    otp.send(from_, (ref, "ok"))
                else:
                    otp.send(from_, (ref, ("error", "not_found")))
            case ("status", name, from_, ref):
                if name in agents:
                    otp.send(from_, (ref, ("ok", agents[name][0], agents[name][3])))
                else:
                    otp.send(from_, (ref, ("error", "not_found")))
            case ("list", from_, ref):
                otp.send(from_, (ref, tuple((name, agents[name][0]) for name in sorted(agents))))
            case otp.ExitSignal(pid, reason) | otp.Down(_, pid, reason):
                name = names.get(pid)
                if name in agents:
                    _, fn, args, restarts = agents[name]
                    if needs_restart(policy, reason):
                        start(name, fn, args, restarts + 1)
                    else:
                        del agents[name]
            case "stop":
                for pid, *_ in agents.values():
                    otp.exit(pid, "shutdown")
                    await otp.wait_down(pid)
                return
