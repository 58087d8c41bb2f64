import otp
from superlearner.agents.by_hand import AgentRegistry, ProcessAgent


class Failed(Exception):
    pass


async def stage(name, action, params):
    agent = await AgentRegistry.lookup(name)
    if agent is None:
        raise Failed(name, "noproc")
    ProcessAgent.send_task(agent, action, params)
    try:
        answer = await ProcessAgent.process_next(agent)
    except otp.Exit as error:
        raise Failed(name, error.reason[1]) from None
    except TimeoutError:
        raise Failed(name, "timeout") from None
    return answer[2][1]


async def run(topic):
    try:
        found = await stage("research", "search", {"query": topic})
        analysed = await stage("analyse", "analyze", {"data": found})
        return "ok", await stage("summarise", "summarize", {"text": analysed})
    except Failed as failed:
        return "failed", *failed.args


async def pipeline():
    while True:
        message = await otp.receive()
        if isinstance(message, tuple) and len(message) == 4 and message[0] == "run":
            _, topic, from_, ref = message
            otp.send(from_, (ref, await run(topic)))
