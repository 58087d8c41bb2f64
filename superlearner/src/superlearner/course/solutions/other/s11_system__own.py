import otp
from superlearner.agents.by_hand import AgentRegistry, ProcessAgent


async def guard(names, starter):
    otp.process_flag("trap_exit", True)
    agents = {}

    async def run(name):
        agents[name] = await ProcessAgent.start_link(name, register=True)

    for name in names:
        await run(name)
    otp.send(starter, (otp.self(), dict(agents)))
    while True:
        match await otp.receive():
            case "stop":
                for pid in agents.values():
                    otp.exit(pid, "shutdown")
                    await otp.wait_down(pid)
                return
            case otp.ExitSignal(pid, _):
                otp.send_after(0.1, otp.self(), ("again", pid))
            case ("again", pid):
                for name in [name for name, known in agents.items() if known == pid]:
                    await run(name)


async def start(names):
    registry = await AgentRegistry.start_link()
    monitor = otp.spawn(guard, names, otp.self())
    _, agents = await otp.receive(lambda message: message[0] == monitor)
    return {"registry": registry, "monitor": monitor, "agents": agents}


async def stop(system):
    otp.send(system["monitor"], "stop")
    await otp.wait_down(system["monitor"])
    otp.unlink(system["registry"])
    otp.exit(system["registry"], "shutdown")
    await otp.wait_down(system["registry"])
