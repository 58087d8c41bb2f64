from otp import GenServer, Ok, Reply, impl


class MinimalServer(GenServer):
    @impl
    def init(self, initial):
        return Ok(initial)

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case "get":
                return Reply(state, state)
            case ("set", value):
                return Reply("ok", value)
            case ("update", function):
                new = function(state)
                return Reply(new, new)

    async def get(server):
        return await GenServer.call(server, "get")

    async def set(server, value):
        return await GenServer.call(server, ("set", value))

    async def update(server, function):
        return await GenServer.call(server, ("update", function))
