import otp
from superlearner.agents.by_hand import AgentRegistry, ProcessAgent


async def guard(agents):
    refs = {otp.monitor(pid): name for name, pid in agents.items()}
    while True:
        down = await otp.receive()
        name = refs.pop(down.ref)
        pid = await ProcessAgent.start(name, register=True)
        refs[otp.monitor(pid)] = name


async def start(names):
    registry = await AgentRegistry.start_link()
    agents = {name: await ProcessAgent.start(name, register=True) for name in names}
    return {"registry": registry, "monitor": otp.spawn(guard, agents), "agents": agents}


async def stop(system):
    otp.exit(system["monitor"], "kill")
    for pid in system["agents"].values():
        otp.exit(pid, "shutdown")
    otp.unlink(system["registry"])
    otp.exit(system["registry"], "shutdown")
    await otp.wait_down(system["registry"])
