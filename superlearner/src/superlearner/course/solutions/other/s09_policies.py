import otp


class Monitor:
    def __init__(self, policy):
        self.policy = policy
        self.agents = {}

    def start(self, name, fn, args, restarts=0):
        pid = otp.spawn_link(fn, *args)
        self.agents[name] = {"pid": pid, "start": (fn, args), "restarts": restarts}
        return pid

    async def stop(self, name):
        pid = self.agents.pop(name)["pid"]
        otp.unlink(pid)
        otp.exit(pid, "shutdown")
        await otp.wait_down(pid)

    async def answer(self, request):
        match request:
            case ("list",):
                return tuple((name, self.agents[name]["pid"]) for name in sorted(self.agents))
            case ("start_agent", name, fn, args):
                if name in self.agents:
                    return "error", "already_exists"
                return "ok", self.start(name, fn, args)
            case ("status" | "stop_agent", name) if name not in self.agents:
                return "error", "not_found"
            case ("status", name):
                return "ok", self.agents[name]["pid"], self.agents[name]["restarts"]
            case ("stop_agent", name):
                await self.stop(name)
                return "ok"

    def ended(self, pid, reason):
        found = [name for name, agent in self.agents.items() if agent["pid"] == pid]
        if not found:
            return
        agent = self.agents.pop(found[0])
        good = reason in ("normal", "shutdown") or (isinstance(reason, tuple) and reason[0] == "shutdown")
        if self.policy == "always" or (self.policy == "transient" and not good):
            self.start(found[0], *agent["start"], agent["restarts"] + 1)


async def agent_monitor(policy="transient", delay=0):
    otp.process_flag("trap_exit", True)
    monitor = Monitor(policy)
    while True:
        message = await otp.receive()
        if message == "stop":
            for name in list(monitor.agents):
                await monitor.stop(name)
            return
        if isinstance(message, otp.ExitSignal):
            monitor.ended(message.pid, message.reason)
        elif isinstance(message, tuple) and len(message) >= 3 and isinstance(message[-1], otp.Ref):
            *request, from_, ref = message
            value = await monitor.answer(tuple(request))
            if value is not None:
                otp.send(from_, (ref, value))
