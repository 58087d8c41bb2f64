import asyncio

import otp


def needs_restart(policy, reason):
    match policy, reason:
        case "always", _:
            return True
        case "never", _:
            return False
        case _, "normal" | "shutdown" | ("shutdown", _):
            return False
    return True


async def later(delay, monitor, restart):
    await asyncio.sleep(delay)
    otp.send(monitor, ("again", restart))


async def agent_monitor(policy="transient", delay=0, max_restarts=3, max_seconds=5):
    otp.process_flag("trap_exit", True)
    running = {}  # name: (pid, fn, args, restarts)
    waiting = {}  # name: (helper, fn, args, restarts)
    counted = 0  # a timer takes each restart out of this number again
    while True:
        message = await otp.receive()
        known = running | waiting
        match message:
            case "stop":
                for pid, *_ in known.values():
                    otp.exit(pid, "shutdown")
                    await otp.wait_down(pid)
                return
            case ("start_agent", name, fn, args, from_, ref):
                if name in known:
                    value = ("error", "already_exists")
                else:
                    running[name] = (otp.spawn_link(fn, *args), fn, args, 0)
                    value = ("ok", running[name][0])
            case ("list", from_, ref):
                value = tuple((name, running[name][0] if name in running else None) for name in sorted(known))
            case ("status" | "stop_agent", name, from_, ref) if name not in known:
                value = ("error", "not_found")
            case ("status", name, from_, ref):
                pid, _, _, restarts = known[name]
                value = ("ok", pid if name in running else None, restarts)
            case ("stop_agent", name, from_, ref):
                pid = known[name][0]
                running.pop(name, None)
                waiting.pop(name, None)
                otp.exit(pid, "shutdown")
                await otp.wait_down(pid)
                value = "ok"
            case otp.ExitSignal(pid, reason):
                for name in [name for name, agent in running.items() if agent[0] == pid]:
                    _, fn, args, restarts = running.pop(name)
                    if needs_restart(policy, reason):
                        if counted == max_restarts:
                            for pid, *_ in reversed((running | waiting).values()):
                                otp.exit(pid, "shutdown")
                                await otp.wait_down(pid)
                            otp.exit("shutdown")
                        counted += 1
                        otp.send_after(max_seconds + 0.001, otp.self(), "one less")
                        helper = otp.spawn_link(later, delay, otp.self(), name)
                        waiting[name] = (helper, fn, args, restarts + 1)
                continue
            case "one less":
                counted -= 1
                continue
            case ("again", name) if name in waiting:
                _, fn, args, restarts = waiting.pop(name)
                running[name] = (otp.spawn_link(fn, *args), fn, args, restarts)
                continue
            case _:
                continue
        otp.send(from_, (ref, value))
