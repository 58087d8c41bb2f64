import otp
from superlearner.agents.by_hand import AgentRegistry, ProcessAgent

STAGES = (
    ("research", "search", "query"),
    ("analyse", "analyze", "data"),
    ("summarise", "summarize", "text"),
)


async def pipeline():
    while True:
        match await otp.receive():
            case ("run", topic, from_, ref):
                otp.send(from_, (ref, await run(topic)))
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
