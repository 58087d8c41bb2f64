from otp import GenServer, Ok, Reply


class BadServer(GenServer):  # @impl is not needed: the right name is enough
    def init(self, start):
        return Ok(start)

    def handle_call(self, request, caller, state):
        return Reply(state, state)


marked_typo = unmarked_typo = "error when the class is made"
other_name = "found by the first call"
