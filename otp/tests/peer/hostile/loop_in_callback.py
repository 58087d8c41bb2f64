"""A server that looked well loops for ever in a callback."""

# ends: held
# limits: hold_s=1.2
# reason: its loop is held at hostile\.py:\d+ Till\.handle_cast

import otp


class Till(otp.GenServer):
    @otp.impl
    def init(self, arg):
        return otp.Ok(0)

    @otp.impl
    def handle_cast(self, request, state):
        while True:
            pass


async def boot(here):
    pid = await here.node.start(Till)
    otp.GenServer.cast(pid, "go")
