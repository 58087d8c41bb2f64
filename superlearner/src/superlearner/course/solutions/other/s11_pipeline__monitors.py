import otp
from superlearner.agents.by_hand import AgentRegistry, Message


async def ask(name, task):
    pid = await AgentRegistry.lookup(name)
    if pid is None:
        return "failed", name, "noproc"
    ref = otp.monitor(pid)
    otp.send(pid, ("receive_task", task))
    otp.send(pid, ("process_next", otp.self(), ref))
    try:
        answer = await otp.receive(ref, timeout=4)
    except TimeoutError:
        return "failed", name, "timeout"
    finally:
        otp.demonitor(ref, flush=True)
    if isinstance(answer, otp.Down):
        return "failed", name, answer.reason
    return answer[1][2]


async def pipeline():
    number = 0
    while True:
        match await otp.receive():
            case ("run", topic, from_, ref):
                result = ("ok", topic)
                for name, action, key in [
                    ("research", "search", "query"),
                    ("analyse", "analyze", "data"),
                    ("summarise", "summarize", "text"),
                ]:
                    number += 1
                    result = await ask(name, Message.task(number, action, {key: result[1]}))
                    if result[0] == "failed":
                        break
                otp.send(from_, (ref, result))
