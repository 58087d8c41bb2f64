import otp
from otp import Continue, GenServer, NoReply, Ok, impl


async def close_after(resource, log):
    otp.monitor(resource)
    await otp.receive()
    otp.send(log, ("close", resource))


class Resource(GenServer):
    @impl
    def init(self, log):
        return Ok(log, then=Continue("open"))

    @impl
    def handle_continue(self, term, log):
        otp.send(log, ("open", otp.self()))
        otp.spawn(close_after, otp.self(), log)
        return NoReply(log)

    @impl
    def handle_call(self, request, caller, log):
        otp.exit("crash")
