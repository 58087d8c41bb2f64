from otp import GenServer, NoReply, Ok, Reply, impl


class MinimalServer(GenServer):
    @impl
    def init(self, initial):
        return Ok(initial)

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case "get":
                return Reply(state, state)
            case ("update", function):
                new = function(state)
                return Reply(new, new)

    @impl
    def handle_cast(self, request, state):
        match request:
            case ("set", value):
                return NoReply(value)

    async def get(server):
        return await GenServer.call(server, "get")

    def set(server, value):
        GenServer.cast(server, ("set", value))

    async def update(server, function):
        await GenServer.call(server, ("update", function))
        return await MinimalServer.get(server)
