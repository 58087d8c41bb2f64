import otp

DIAGNOSIS = "M5"


class Question:
    def __init__(self, tag):
        self.tag = tag

    async def __call__(self, agent, *args, timeout=5):
        ref, monitor = otp.make_ref(), otp.monitor(agent)
        otp.send(agent, (self.tag, *args, otp.self(), ref))

        def fits(message):
            if isinstance(message, otp.Down):
                return message.ref == monitor
            return isinstance(message, tuple) and message[:1] == (ref,)

        try:
            message = await otp.receive(fits, timeout=timeout)
        finally:
            otp.demonitor(monitor, flush=True)
        if isinstance(message, otp.Down):
            raise otp.Exit(("agent_down", message.reason))
        return message[1]


get_state = Question("get_state")
recall = Question("recall")
process_next = Question("process_next")


def remember(agent, key, value):
    otp.send(agent, ("remember", key, value))
