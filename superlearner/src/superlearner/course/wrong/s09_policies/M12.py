import otp

GOOD = ("normal", "shutdown")


def needs_restart(policy, reason):
    good = reason in GOOD or (isinstance(reason, tuple) and reason[:1] == ("shutdown",))
    return policy == "always" or (policy == "transient" and not good)


async def agent_monitor(policy="transient", delay=0):
    otp.process_flag("trap_exit", True)
    agents = {}  # name: (pid, function, arguments, restarts)
    while True:
        match await otp.receive():
            case ("start_agent", name, fn, args, from_, ref):
                if name in agents:
                    otp.send(from_, (ref, ("error", "already_exists")))
                else:
                    pid = otp.spawn_link(fn, *args)
                    agents[name] = (pid, fn, args, 0)
                    otp.send(from_, (ref, ("ok", pid)))
            case ("stop_agent", name, from_, ref):
                if name in agents:
                    await stop(agents.pop(name)[0])
                    otp.send(from_, (ref, "ok"))
                else:
                    otp.send(from_, (ref, ("error", "not_found")))
            case ("status", name, from_, ref):
                if name in agents:
                    pid, _, _, restarts = agents[name]
                    otp.send(from_, (ref, ("ok", pid, restarts)))
                else:
                    otp.send(from_, (ref, ("error", "not_found")))
            case ("list", from_, ref):
                otp.send(from_, (ref, tuple((name, agents[name][0]) for name in sorted(agents))))
            case otp.ExitSignal(pid, reason):
                for name, (known, fn, args, restarts) in list(agents.items()):
                    if known == pid:
                        del agents[name]
                        if needs_restart(policy, reason):
                            agents[name] = (otp.spawn_link(fn), fn, args, restarts + 1)
            case "stop":
                for pid, *_ in agents.values():
                    await stop(pid)
                return


async def stop(pid):
    otp.exit(pid, "shutdown")
    await otp.wait_down(pid)
