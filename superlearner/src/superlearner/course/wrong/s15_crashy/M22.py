from otp import Children, GenServer, NoReply, Ok, Supervisor, impl


class CrashyWorker(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_cast(self, request, state):
        if request == "crash":
            raise RuntimeError("as you wished")
        return NoReply(state)


class StrictSupervisor(Supervisor):
    @impl
    def init(self, arg):
        crashy = CrashyWorker.child_spec(None, name="crashy")
        return Children([crashy], strategy="one_for_one")
