import otp
from otp import GenServer, NoReply, Ok, Reply, impl


class IdleDetector(GenServer):
    @impl
    def init(self, arg):
        owner, seconds = arg
        otp.send_after(seconds, otp.self(), ("look", 0))
        return Ok((owner, seconds, 0))

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case "ping":
                return Reply("pong", renewed(state))
            case _:
                return Reply(None, renewed(state))

    @impl
    def handle_cast(self, request, state):
        return NoReply(renewed(state))

    @impl
    def handle_info(self, message, state):
        owner, _, count = state
        if message == ("look", count):
            otp.send(owner, ("idle", otp.self()))
        if isinstance(message, tuple) and message[0] == "look":
            return NoReply(state)
        return NoReply(renewed(state))


def renewed(state):
    owner, seconds, count = state
    otp.send_after(seconds, otp.self(), ("look", count + 1))
    return owner, seconds, count + 1
