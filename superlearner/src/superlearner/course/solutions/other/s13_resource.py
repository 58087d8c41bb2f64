import otp
from otp import ExitSignal, GenServer, NoReply, Ok, Stop, impl


class Resource(GenServer):
    @impl
    def init(self, log):
        otp.process_flag("trap_exit", True)
        log_it(log, "open")
        return Ok({"log": log})

    @impl
    def handle_call(self, request, caller, state):
        if request == "crash":
            return Stop("crash", state)
        return None

    @impl
    def handle_info(self, message, state):
        if isinstance(message, ExitSignal):
            return Stop(message.reason, state)
        return NoReply(state)

    @impl
    def terminate(self, reason, state):
        log_it(state["log"], "close")


def log_it(log, word):
    otp.send(log, (word, otp.self()))
