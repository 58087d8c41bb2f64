import otp


class Echo:
    def __init__(self):
        self.running = True

    async def run(self):
        while self.running:
            self.handle(await otp.receive())

    def handle(self, message):
        if message == "stop":
            self.running = False
            return
        try:
            tag, text, from_, ref = message
        except (TypeError, ValueError):
            return
        if tag == "echo":
            otp.send(from_, (ref, text))


def echo():
    return Echo().run()
