from collections import deque

import otp


class Limiter:
    def __init__(self, n):
        self.last = deque(maxlen=n)

    def allow(self):
        if len(self.last) == self.last.maxlen and otp.monotonic() - self.last[0] <= 1:
            return False
        self.last.append(otp.monotonic())
        return True


async def rate_limiter(n):
    limiter = Limiter(n)
    while (message := await otp.receive()) != "stop":
        if isinstance(message, tuple) and len(message) == 3 and message[0] == "ask":
            otp.send(message[1], (message[2], "ok" if limiter.allow() else "rate_limited"))
