from otp import Continue, GenServer, NoReply, Ok, Reply, impl


class Kitchen(GenServer):
    @impl
    def init(self, cook):
        return Ok({"cook": cook, "open": 0})

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case ("order", dish):
                return NoReply(state | {"open": state["open"] + 1}, then=Continue((dish, caller)))
            case "open_orders":
                return Reply(state["open"], state)

    @impl
    async def handle_continue(self, order, state):
        dish, caller = order
        try:
            answer = await state["cook"](dish)
        except Exception as error:
            answer = "failed", error
        GenServer.reply(caller, answer)
        return NoReply(state | {"open": state["open"] - 1})

    async def order(kitchen, dish, timeout=60):
        return await GenServer.call(kitchen, ("order", dish), timeout)

    async def open_orders(kitchen):
        return await GenServer.call(kitchen, "open_orders")
