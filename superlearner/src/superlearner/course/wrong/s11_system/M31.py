import otp
from superlearner.agents.by_hand import AgentMonitor, AgentRegistry, ProcessAgent


async def start(names):
    registry = await AgentRegistry.start_link()
    monitor = await AgentMonitor.start_link(max_restarts=1000)
    agents = {name: await AgentMonitor.start_agent(monitor, name, register=True) for name in names}
    return {"registry": registry, "monitor": monitor, "agents": agents}


async def stop(system):
    await AgentMonitor.stop(system["monitor"])
    registry = system["registry"]
    otp.unlink(registry)
    otp.exit(registry, "shutdown")
    await otp.wait_down(registry)


STAGES = (
    ("research", "search", "query"),
    ("analyse", "analyze", "data"),
    ("summarise", "summarize", "text"),
)


async def pipeline():
    while True:
        match await otp.receive():
            case ("run", topic, from_, ref):
                result = await run(topic)
                if result[0] == "ok":
                    otp.send(from_, (ref, result))
            case _:
                pass


async def run(text):
    for name, action, key in STAGES:
        try:
            agent = await AgentRegistry.lookup(name)
            if agent is None:
                return "failed", name, "noproc"
            ProcessAgent.send_task(agent, action, {key: text})
            _, _, (_, text) = await ProcessAgent.process_next(agent)
        except TimeoutError:
            return "failed", name, "timeout"
        except otp.Exit as error:
            _, reason = error.reason
            return "failed", name, reason
    return "ok", text
