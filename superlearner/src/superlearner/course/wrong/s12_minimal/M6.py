from otp import GenServer, NoReply, Ok, Reply, impl

VALUE = None


class MinimalServer(GenServer):
    @impl
    def init(self, initial):
        global VALUE
        VALUE = initial
        return Ok(None)

    @impl
    def handle_call(self, request, caller, state):
        global VALUE
        if request != "get":
            VALUE = request[1](VALUE)
        return Reply(VALUE, state)

    @impl
    def handle_cast(self, request, state):
        global VALUE
        VALUE = request[1]
        return NoReply(state)

    async def get(server):
        return await GenServer.call(server, "get")

    def set(server, value):
        GenServer.cast(server, ("set", value))

    async def update(server, function):
        return await GenServer.call(server, ("update", function))
