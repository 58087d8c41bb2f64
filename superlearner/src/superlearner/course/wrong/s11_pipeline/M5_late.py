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


async def ask(agent):
    monitor = otp.monitor(agent)
    otp.send(agent, ("process_next", otp.self(), otp.make_ref()))
    try:
        answer = await otp.receive(lambda message: isinstance(message, otp.Down) or len(message) == 2, timeout=5)
        if isinstance(answer, otp.Down):
            raise otp.Exit(("agent_down", answer.reason))
        return answer
    finally:
        otp.demonitor(monitor, flush=True)


async def run(text):
    for name, action, key in STAGES:
        try:
            agent = await AgentRegistry.lookup(name)
            if agent is None:
                return "failed", name, "noproc"
            ProcessAgent.send_task(agent, action, {key: text})
            _, (_, _, (_, text)) = await ask(agent)
        except TimeoutError:
            return "failed", name, "timeout"
        except otp.Exit as error:
            _, reason = error.reason
            return "failed", name, reason
    return "ok", text
