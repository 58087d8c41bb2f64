import otp


async def ask(agent, *request, timeout):
    ref = otp.monitor(agent)
    try:
        otp.send(agent, (*request, otp.self(), ref))
        match await otp.receive(ref, timeout=timeout):
            case otp.Down(reason=reason):
                otp.exit(("agent_down", reason))
            case (_, value):
                return value
    finally:
        otp.demonitor(ref)


async def get_state(agent, timeout=5):
    return await ask(agent, "get_state", timeout=timeout)


async def recall(agent, key, timeout=5):
    return await ask(agent, "recall", key, timeout=timeout)


async def process_next(agent, timeout=5):
    return await ask(agent, "process_next", timeout=timeout)


def remember(agent, key, value):
    otp.send(agent, ("remember", key, value))
