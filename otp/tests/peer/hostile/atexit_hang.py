"""Hangs when it is asked to stop."""

# ends: killed|held
# reason: did not stop within|did not answer

import otp


class Stuck(otp.GenServer):
    @otp.impl
    def init(self, arg):
        otp.process_flag("trap_exit", True)
        return otp.Ok(0)

    @otp.impl
    def terminate(self, reason, state):
        while True:
            pass


async def boot(here):
    await here.node.start(Stuck)
