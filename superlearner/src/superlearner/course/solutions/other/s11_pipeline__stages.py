import otp
from superlearner.agents.by_hand import AgentRegistry, ProcessAgent


async def stage(name, action, key, following):
    while True:
        text, from_, ref = await otp.receive(lambda message: len(message) == 3)
        try:
            agent = await AgentRegistry.lookup(name)
            if agent is None:
                otp.send(from_, (ref, ("failed", name, "noproc")))
                continue
            ProcessAgent.send_task(agent, action, {key: text})
            _, _, (_, text) = await ProcessAgent.process_next(agent)
        except TimeoutError:
            otp.send(from_, (ref, ("failed", name, "timeout")))
        except otp.Exit as error:
            otp.send(from_, (ref, ("failed", name, error.reason[1])))
        else:
            if following is None:
                otp.send(from_, (ref, ("ok", text)))
            else:
                otp.send(following, (text, from_, ref))


async def pipeline():
    last = otp.spawn_link(stage, "summarise", "summarize", "text", None)
    second = otp.spawn_link(stage, "analyse", "analyze", "data", last)
    first = otp.spawn_link(stage, "research", "search", "query", second)
    while True:
        match await otp.receive():
            case ("run", *order):
                otp.send(first, tuple(order))
