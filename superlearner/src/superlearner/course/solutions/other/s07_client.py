import otp


async def get_state(agent, timeout=5):
    return await question(agent, lambda me, ref: ("get_state", me, ref), timeout)


async def recall(agent, key, timeout=5):
    return await question(agent, lambda me, ref: ("recall", key, me, ref), timeout)


async def process_next(agent, timeout=5):
    return await question(agent, lambda me, ref: ("process_next", me, ref), timeout)


def remember(agent, key, value):
    otp.send(agent, ("remember", key, value))


async def question(agent, request, timeout):
    monitor, ref = otp.monitor(agent), otp.make_ref()
    otp.send(agent, request(otp.self(), ref))

    def about_it(message):
        match message:
            case otp.Down():
                return message.ref == monitor
            case (known, _):
                return known == ref
        return False

    try:
        found = await otp.receive(about_it, timeout=timeout)
    except otp.ReceiveTimeout:
        otp.demonitor(monitor, flush=True)
        raise
    if isinstance(found, otp.Down):
        raise otp.Exit(("agent_down", found.reason))
    otp.demonitor(monitor, flush=True)
    return found[1]
