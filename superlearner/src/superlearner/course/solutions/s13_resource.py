import otp
from otp import GenServer, Ok, impl


class Resource(GenServer):
    @impl
    def init(self, log):
        otp.process_flag("trap_exit", True)
        otp.send(log, ("open", otp.self()))
        return Ok(log)

    @impl
    def handle_call(self, request, caller, log):
        match request:
            case "crash":
                raise RuntimeError("it crashed on request")

    @impl
    def terminate(self, reason, log):
        otp.send(log, ("close", otp.self()))
