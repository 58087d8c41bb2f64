import otp
from superlearner.agents.by_hand import AgentRegistry, Message, ProcessAgent


def needs_restart(policy, reason):
    match reason:
        case "normal" | "shutdown" | ("shutdown", _):
            return policy == "always"
        case _:
            return policy != "never"


async def serve(parent, policy, max_restarts, max_seconds, delay):
    otp.process_flag("trap_exit", True)
    agents = {}  # name: [pid or None, arguments of its start, restarts]
    times = []  # of restarts, for max_seconds

    def named(pid):
        return next((name for name, agent in agents.items() if agent[0] == pid), None)

    async def end_all():
        for pid, *_ in reversed(agents.values()):
            if pid is not None:
                otp.exit(pid, "shutdown")
                await otp.wait_down(pid)

    while True:
        match await otp.receive():
            case ("start_agent" | "monitor_agent", name, _, _, from_, ref) if name in agents:
                otp.send(from_, (ref, ("taken", agents[name][0])))
            case ("start_agent", name, _, config, from_, ref):
                try:
                    pid = await ProcessAgent.start_link(name, **config)
                except otp.AlreadyRegistered as taken:
                    otp.send(from_, (ref, ("taken", taken.pid)))
                else:
                    agents[name] = [pid, config, 0]
                    otp.send(from_, (ref, ("ok", pid)))
            case ("monitor_agent", name, pid, config, from_, ref):
                otp.link(pid)
                agents[name] = [pid, config, 0]
                otp.send(from_, (ref, ("ok", pid)))
            case ("unmonitor_agent", name, stop, from_, ref):
                pid, *_ = agents.pop(name, [None])
                if pid is not None:
                    otp.unlink(pid)
                    if stop:
                        ProcessAgent.stop(pid)
                otp.send(from_, (ref, "ok"))
            case ("list_agents", from_, ref):
                otp.send(from_, (ref, sorted((name, pid) for name, (pid, *_) in agents.items() if pid is not None)))
            case ("status", from_, ref):
                shown = {name: {"pid": pid, "restart_count": count} for name, (pid, _, count) in agents.items()}
                status = {"agent_count": len(agents), "restart_policy": policy, "max_restarts": max_restarts}
                otp.send(from_, (ref, status | {"agents": shown}))
            case otp.ExitSignal(pid, reason) if pid == parent:
                await end_all()
                otp.exit(reason)
            case otp.ExitSignal(pid, reason) if (name := named(pid)) is not None:
                agent = agents[name]
                agent[0] = None
                if max_seconds is None:
                    too_many = agent[2] >= max_restarts
                else:
                    times = [at for at in times if otp.monotonic() - at <= max_seconds]
                    too_many = len(times) >= max_restarts
                if not needs_restart(policy, reason):
                    del agents[name]
                elif not too_many:
                    times.append(otp.monotonic())
                    otp.send_after(delay, otp.self(), ("restart", name, agent))
                elif max_seconds is None:
                    del agents[name]
                else:
                    await end_all()
                    otp.exit("shutdown")
            case ("restart", name, agent) if agents.get(name) is agent:
                try:
                    agent[0] = await ProcessAgent.start_link(name, **agent[1])
                    agent[2] += 1
                except otp.AlreadyRegistered:
                    del agents[name]
            case "stop":
                await end_all()
                return
            case _:
                pass


async def ask(monitor, *question):
    ref = otp.monitor(monitor)
    otp.send(monitor, (*question, otp.self(), ref))
    answer = await otp.receive(ref, timeout=5)
    otp.demonitor(ref, flush=True)
    if isinstance(answer, otp.Down):
        otp.exit(("agent_down", answer.reason))
    return answer[1]


async def started(monitor, *question):
    word, pid = await ask(monitor, *question)
    if word == "taken":
        raise otp.AlreadyStarted(pid)
    return pid


class AgentMonitor:
    async def start_link(*, restart_policy="always", max_restarts=5, max_seconds=None, delay=0.1):
        return otp.spawn_link(serve, otp.self(), restart_policy, max_restarts, max_seconds, delay)

    async def stop(monitor):
        otp.unlink(monitor)
        otp.send(monitor, "stop")
        await otp.wait_down(monitor)

    async def start_agent(monitor, name, *, memory=None, register=False):
        return await started(monitor, "start_agent", name, None, {"memory": dict(memory or {}), "register": register})

    async def monitor_agent(monitor, name, pid, config=None):
        await started(monitor, "monitor_agent", name, pid, dict(config or {}))

    async def unmonitor_agent(monitor, name, *, stop_agent=False):
        await ask(monitor, "unmonitor_agent", name, stop_agent)

    async def list_agents(monitor):
        return await ask(monitor, "list_agents")

    async def status(monitor):
        return await ask(monitor, "status")


__all__ = ["AgentMonitor", "AgentRegistry", "Message", "ProcessAgent"]
