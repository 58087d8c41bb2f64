import otp
from otp import GenServer, NoReply, Ok, Reply, impl


class Kitchen(GenServer):
    @impl
    def init(self, cook):
        return Ok((cook, 0))

    @impl
    def handle_call(self, request, caller, state):
        cook, count = state
        match request:
            case ("order", dish):
                otp.spawn(prepare, cook, dish, caller)
                return NoReply(state)
            case "open_orders":
                return Reply(count, state)

    @impl
    def handle_cast(self, change, state):
        cook, count = state
        return NoReply((cook, count + change))

    async def order(kitchen, dish, timeout=60):
        GenServer.cast(kitchen, 1)
        meal = await GenServer.call(kitchen, ("order", dish), timeout)
        GenServer.cast(kitchen, -1)
        return meal

    async def open_orders(kitchen):
        return await GenServer.call(kitchen, "open_orders")


async def prepare(cook, dish, caller):
    try:
        answer = await cook(dish)
    except Exception as error:
        answer = "failed", error
    GenServer.reply(caller, answer)
