from otp import GenServer, NoReply, Ok, Reply, impl


class MinimalServer(GenServer):
    """A request is a function of the value: one branch serves both calls."""

    @impl
    def init(self, initial):
        return Ok(initial)

    @impl
    def handle_call(self, function, caller, value):
        new = function(value)
        return Reply(new, new)

    @impl
    def handle_cast(self, value, state):
        return NoReply(value)

    async def get(server):
        return await GenServer.call(server, lambda value: value)

    def set(server, value):
        GenServer.cast(server, value)

    async def update(server, function):
        return await GenServer.call(server, function)
