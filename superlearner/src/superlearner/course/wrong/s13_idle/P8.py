import otp
from otp import GenServer, NoReply, Ok, Reply, TimerFired, impl


class IdleDetector(GenServer):
    @impl
    def init(self, arg):
        owner, seconds = arg
        return Ok({"owner": owner, "seconds": seconds, "timer": otp.start_timer(seconds, otp.self(), "idle")})

    @impl
    def handle_call(self, request, caller, state):
        return Reply("pong", active(state))

    @impl
    def handle_cast(self, request, state):
        return NoReply(active(state))

    @impl
    def handle_info(self, message, state):
        match message:
            case TimerFired(ref, "idle"):
                if ref:
                    otp.send(state["owner"], ("idle", otp.self()))
                return NoReply(state)
            case _:
                return NoReply(active(state))


def active(state):
    return state | {"timer": otp.start_timer(state["seconds"], otp.self(), "idle")}
