import otp
from superlearner.agents.by_hand import AgentMonitor, AgentRegistry


async def start(names):
    system = {"agents": {}}
    system["registry"] = await AgentRegistry.start_link()
    system["monitor"] = await AgentMonitor.start_link(
        restart_policy="transient", max_restarts=20, max_seconds=1, delay=0.05
    )
    for pid in (system["registry"], system["monitor"]):
        otp.unlink(pid)
    for name in names:
        system["agents"][name] = await AgentMonitor.start_agent(system["monitor"], name, register=True)
    return system


async def stop(system):
    for part in ("monitor", "registry"):
        ref = otp.monitor(system[part])
        otp.exit(system[part], "kill")
        await otp.receive(ref)
