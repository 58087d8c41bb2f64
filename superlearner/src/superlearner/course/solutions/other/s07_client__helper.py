import otp


class Asking:
    def __init__(self, tag):
        self.tag = tag

    async def __call__(self, agent, *arguments, timeout=5):
        me, done = otp.self(), otp.make_ref()

        async def ask():
            ref = otp.monitor(agent)
            otp.send(agent, (self.tag, *arguments, otp.self(), ref))
            try:
                message = await otp.receive(ref, timeout=timeout)
            except TimeoutError:
                otp.send(me, (done, "late", None))
                return
            if isinstance(message, otp.Down):
                otp.send(me, (done, "down", message.reason))
            else:
                otp.send(me, (done, "answer", message[1]))

        otp.spawn(ask)
        _, what, value = await otp.receive(done)
        if what == "late":
            raise otp.ReceiveTimeout
        if what == "down":
            otp.exit(("agent_down", value))
        return value


get_state, recall, process_next = map(Asking, ("get_state", "recall", "process_next"))


def remember(agent, *fact):
    otp.send(agent, ("remember", *fact))
