import otp
from otp import Down, GenServer, NoReply, Ok, Reply, impl


async def prepare(cook, dish, caller):
    GenServer.reply(caller, await cook(dish))


class Kitchen(GenServer):
    @impl
    def init(self, cook):
        return Ok({"cook": cook, "orders": {}, "clients": {}})

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case ("order", dish):
                pid, monitor = otp.spawn_monitor(prepare, state["cook"], dish, caller)
                state["orders"][monitor] = caller
                state["clients"][otp.monitor(caller.pid)] = pid
                return NoReply(state)
            case "open_orders":
                return Reply(len(state["orders"]), state)

    @impl
    def handle_info(self, message, state):
        match message:
            case Down(ref=ref, reason=reason) if ref in state["orders"]:
                caller = state["orders"].pop(ref)
                if reason != "normal":
                    GenServer.reply(caller, ("failed", reason))
            case Down(ref=ref):
                otp.exit(state["clients"].pop(ref), "kill")
        return NoReply(state)

    async def order(kitchen, dish, timeout=60):
        return await GenServer.call(kitchen, ("order", dish), timeout)

    async def open_orders(kitchen):
        return await GenServer.call(kitchen, "open_orders")
