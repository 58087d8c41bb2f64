import otp
from otp import ExitSignal, GenServer, NoReply, Ok, Reply, impl


class Kitchen(GenServer):
    @impl
    def init(self, cook):
        otp.process_flag("trap_exit", True)
        return Ok({"cook": cook, "orders": {}})

    @impl
    def handle_call(self, request, caller, state):
        if request == "open":
            return Reply(len(state["orders"]), state)
        helper = otp.spawn_link(prepare, state["cook"], request[1], otp.self())
        state["orders"][helper] = caller
        return NoReply(state)

    @impl
    def handle_info(self, message, state):
        match message:
            case ("ready", helper, meal):
                GenServer.reply(state["orders"].pop(helper), meal)
            case ExitSignal(sender, reason) if sender in state["orders"]:
                GenServer.reply(state["orders"].pop(sender), ("failed", repr(reason)))
        return NoReply(state)

    def order(kitchen, dish, timeout=60):
        return GenServer.call(kitchen, ["order", dish], timeout)

    def open_orders(kitchen):
        return GenServer.call(kitchen, "open")


async def prepare(cook, dish, kitchen):
    meal = await cook(dish)
    otp.send(kitchen, ("ready", otp.self(), meal))
