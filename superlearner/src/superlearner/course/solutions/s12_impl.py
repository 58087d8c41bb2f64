from otp import GenServer, Ok, Reply, impl


class BadServer(GenServer):
    @impl
    def init(self, start):
        return Ok(start)

    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state)


marked_typo = "error when the class is made"
unmarked_typo = "error when the class is made"
other_name = "found by the first call"
