import otp

DIAGNOSIS = "M5"


def my_ref():
    if otp.get("ref") is None:
        otp.put("ref", otp.make_ref())
    return otp.get("ref")


async def ask(agent, *request, timeout):
    ref, monitor = otp.make_ref(), otp.monitor(agent)
    otp.send(agent, (*request, otp.self(), ref))
    answer = await otp.receive(lambda message: is_about(message, ref, monitor), timeout=timeout)
    if isinstance(answer, otp.Down):
        raise otp.Exit(("agent_down", answer.reason))
    return answer[1]


def is_about(message, ref, monitor):
    if isinstance(message, otp.Down):
        return message.ref == monitor
    return isinstance(message, tuple) and len(message) == 2 and message[0] == ref


async def get_state(agent, timeout=5):
    return await ask(agent, "get_state", timeout=timeout)


async def recall(agent, key, timeout=5):
    return await ask(agent, "recall", key, timeout=timeout)


async def process_next(agent, timeout=5):
    return await ask(agent, "process_next", timeout=timeout)


def remember(agent, key, value):
    otp.send(agent, ("remember", key, value))
