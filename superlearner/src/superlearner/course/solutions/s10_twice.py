import otp

DIAGNOSIS = "P12"

GOOD = ("normal", "shutdown")


def needs_restart(policy, reason):
    good = reason in GOOD or (isinstance(reason, tuple) and reason[:1] == ("shutdown",))
    return policy == "always" or (policy == "transient" and not good)


class Agent:
    def __init__(self, name, fn, args):
        self.name, self.fn, self.args = name, fn, args
        self.restarts = 0
        self.pid = None

    def start(self):
        self.pid = otp.spawn_link(self.fn, *self.args)
        return self.pid


async def agent_monitor(policy="transient", delay=0):
    otp.process_flag("trap_exit", True)
    agents = {}  # by name
    owners = {}  # by pid: the agent whose process it is
    while True:
        match await otp.receive():
            case ("start_agent", name, fn, args, from_, ref):
                if name in agents:
                    otp.send(from_, (ref, ("error", "already_exists")))
                else:
                    agents[name] = Agent(name, fn, args)
                    owners[agents[name].start()] = agents[name]
                    otp.send(from_, (ref, ("ok", agents[name].pid)))
            case ("stop_agent", name, from_, ref):
                if name in agents:
                    pid = agents.pop(name).pid
                    if pid is not None:
                        otp.exit(pid, "shutdown")
                        await otp.wait_down(pid)
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
                agent = owners.get(pid)
                if agent is not None and agents.get(agent.name) is agent:
                    agent.pid = None
                    if needs_restart(policy, reason):
                        otp.send_after(delay, otp.self(), ("restart", agent))
                    else:
                        del agents[agent.name]
            case ("restart", agent) if agents.get(agent.name) is agent:
                agent.restarts += 1
                owners[agent.start()] = agent
            case "stop":
                for agent in agents.values():
                    if agent.pid is not None:
                        otp.exit(agent.pid, "shutdown")
                        await otp.wait_down(agent.pid)
                return
