import otp
from otp import Down, GenServer, NoReply, Ok, Reply, impl


async def serve(cook, dish, caller):
    GenServer.reply(caller, await cook(dish))


class Kitchen(GenServer):
    @impl
    def init(self, cook):
        return Ok((cook, {}))

    @impl
    def handle_call(self, request, caller, state):
        cook, orders = state
        match request:
            case "open_orders":
                return Reply(len(orders), state)
            case ("order", dish):
                _, monitor = otp.spawn_monitor(serve, cook, dish, caller)
                return NoReply((cook, orders | {monitor: caller}))

    @impl
    def handle_info(self, message, state):
        cook, orders = state
        match message:
            case Down(ref=monitor, reason=reason) if monitor in orders:
                if reason != "normal":
                    GenServer.reply(orders[monitor], ("failed", reason))
                return NoReply((cook, {ref: caller for ref, caller in orders.items() if ref != monitor}))
            case _:
                return NoReply(state)

    async def order(kitchen, dish, timeout=60):
        return await GenServer.call(kitchen, ("order", dish), timeout)

    async def open_orders(kitchen):
        return await GenServer.call(kitchen, "open_orders")
