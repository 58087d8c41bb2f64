import otp
from superlearner.agents.by_hand import AgentMonitor, AgentRegistry, ProcessAgent


async def start(names):
    registry = await AgentRegistry.start_link()
    monitor = await AgentMonitor.start_link(max_restarts=1000)
    agents = {name: await ProcessAgent.start_link(name, register=True) for name in names}
    return {"registry": registry, "monitor": monitor, "agents": agents}


async def stop(system):
    await AgentMonitor.stop(system["monitor"])
    registry = system["registry"]
    otp.unlink(registry)
    otp.exit(registry, "shutdown")
    await otp.wait_down(registry)
