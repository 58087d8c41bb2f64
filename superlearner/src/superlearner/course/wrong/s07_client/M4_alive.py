import otp


async def ask(agent, *request, timeout):
    if not otp.is_alive(agent):
        otp.exit(("agent_down", "noproc"))
    ref = otp.make_ref()
    otp.send(agent, (*request, otp.self(), ref))
    return (await otp.receive(ref, timeout=timeout))[1]


async def get_state(agent, timeout=5):
    return await ask(agent, "get_state", timeout=timeout)


async def recall(agent, key, timeout=5):
    return await ask(agent, "recall", key, timeout=timeout)


async def process_next(agent, timeout=5):
    return await ask(agent, "process_next", timeout=timeout)


def remember(agent, key, value):
    otp.send(agent, ("remember", key, value))
