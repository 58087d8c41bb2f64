import otp


class Supervisor:
    def __init__(self, fn, limit):
        self.fn = fn
        self.limit = limit
        self.restarts = 0
        self.start()

    def start(self):
        self.pid = otp.spawn_link(self.fn)
        self.monitor = otp.monitor(self.pid)

    def ended(self, reason):
        if reason == "normal" or reason == "shutdown":
            self.pid = None
            return
        if self.restarts >= self.limit:
            raise otp.Exit("too_many_restarts")
        self.restarts += 1
        self.start()


async def supervise(fn, limit=5):
    otp.process_flag("trap_exit", True)
    state = Supervisor(fn, limit)
    while True:
        message = await otp.receive()
        if isinstance(message, otp.Down) and message.ref == state.monitor:
            state.ended(message.reason)
        elif message == "stop":
            break
        elif isinstance(message, tuple) and len(message) == 3:
            answers = {"child": state.pid, "restarts": state.restarts}
            tag, from_, ref = message
            if tag in answers:
                otp.send(from_, (ref, answers[tag]))
    if state.pid:
        otp.exit(state.pid, "shutdown")
        await otp.receive(state.monitor)
