import otp

REF = otp.make_ref()


async def ask(agent, *request, timeout):
    monitor = otp.monitor(agent)

    def is_mine(message):
        return message.ref == monitor if isinstance(message, otp.Down) else message[0] == REF

    try:
        otp.send(agent, (*request, otp.self(), REF))
        match await otp.receive(is_mine, timeout=timeout):
            case otp.Down(reason=reason):
                otp.exit(("agent_down", reason))
            case (_, value):
                return value
    finally:
        otp.demonitor(monitor, flush=True)


async def get_state(agent, timeout=5):
    return await ask(agent, "get_state", timeout=timeout)


async def recall(agent, key, timeout=5):
    return await ask(agent, "recall", key, timeout=timeout)


async def process_next(agent, timeout=5):
    return await ask(agent, "process_next", timeout=timeout)


def remember(agent, key, value):
    otp.send(agent, ("remember", key, value))
