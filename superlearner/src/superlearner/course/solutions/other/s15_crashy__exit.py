import otp
from otp import Children, GenServer, Ok, Supervisor, impl


class CrashyWorker(GenServer):
    @impl
    def init(self, name):
        return Ok(name)

    @impl
    def handle_cast(self, request, name):
        otp.exit(("asked to", request))


class StrictSupervisor(Supervisor):
    @impl
    def init(self, limits):
        most, seconds = limits or (3, 10.0)
        children = [CrashyWorker.child_spec("crashy", id=CrashyWorker, name="crashy", shutdown=1)]
        return Children(children, strategy="rest_for_one", max_restarts=most, max_seconds=seconds)
