import otp
from otp import GenServer, NoReply, Ok, Reply, Timeout, impl


class IdleDetector(GenServer):
    @impl
    def init(self, arg):
        owner, seconds = arg
        return Ok((owner, seconds), timeout=seconds)

    @impl
    def handle_call(self, request, caller, state):
        return Reply("pong", state, timeout=state[1])

    @impl
    def handle_cast(self, request, state):
        return NoReply(state, timeout=state[1])

    @impl
    def handle_info(self, message, state):
        owner, seconds = state
        if message == Timeout():
            otp.send(owner, ("idle", otp.self()))
            return NoReply(state)
        return NoReply(state, timeout=seconds)
