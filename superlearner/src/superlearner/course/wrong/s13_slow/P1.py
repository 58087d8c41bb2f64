from otp import GenServer, Ok, Reply, impl


class Kitchen(GenServer):
    @impl
    def init(self, cook):
        return Ok((cook, 0))

    @impl
    async def handle_call(self, request, caller, state):
        cook, count = state
        match request:
            case ("order", dish):
                try:
                    return Reply(await cook(dish), state)
                except Exception as error:
                    return Reply(("failed", error), state)
            case "open_orders":
                return Reply(count, state)

    async def order(kitchen, dish, timeout=60):
        return await GenServer.call(kitchen, ("order", dish), timeout)

    async def open_orders(kitchen):
        return await GenServer.call(kitchen, "open_orders")
