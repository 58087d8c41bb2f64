import asyncio

import otp

DIAGNOSIS = "P1"

GOOD = ("normal", "shutdown")


def needs_restart(policy, reason):
    good = reason in GOOD or (isinstance(reason, tuple) and reason[:1] == ("shutdown",))
    return policy == "always" or (policy == "transient" and not good)


class Agent:
    def __init__(self, fn, args):
        self.fn, self.args = fn, args
        self.restarts = 0
        self.pid = otp.spawn_link(fn, *args)

    def restart(self):
        self.restarts += 1
        self.pid = otp.spawn_link(self.fn, *self.args)

    async def stop(self):
        if self.pid is not None:
            otp.exit(self.pid, "shutdown")
            await otp.wait_down(self.pid)


async def agent_monitor(policy="transient", delay=0):
    otp.process_flag("trap_exit", True)
    agents = {}
    while True:
        match await otp.receive():
            case ("start_agent", name, fn, args, from_, ref):
                if name in agents:
                    otp.send(from_, (ref, ("error", "already_exists")))
                else:
                    agents[name] = Agent(fn, args)
                    otp.send(from_, (ref, ("ok", agents[name].pid)))
            case ("stop_agent", name, from_, ref):
                if name in agents:
                    await agents.pop(name).stop()
                    otp.send(from_, (ref, "ok"))
                else:
                    otp.send(from_, (ref, ("error", "not_found")))
            case ("status", name, from_, ref):
                if name in agents:
                    otp.send(from_, (ref, ("ok", agents[name].pid, agents[name].restarts)))
                else:
                    otp.send(from_, (ref, ("error", "not_found")))
            case ("list", from_, ref):
                otp.send(from_, (ref, tuple((name, agents[name].pid) for name in sorted(agents))))
            case otp.ExitSignal(pid, reason):
                for name, agent in list(agents.items()):
                    if agent.pid == pid:
                        agent.pid = None
                        if needs_restart(policy, reason):
                            await asyncio.sleep(delay)
                            agent.restart()
                        else:
                            del agents[name]
            case "stop":
                for agent in agents.values():
                    await agent.stop()
                return
