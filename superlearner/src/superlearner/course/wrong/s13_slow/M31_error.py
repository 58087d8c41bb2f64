import otp
from otp import GenServer, NoReply, Ok, Reply, impl


async def prepare(kitchen, cook, dish, caller):
    try:
        answer = await cook(dish)
    except ValueError as error:
        answer = ("failed", error)
    otp.send(kitchen, ("ready", caller, answer))


class Kitchen(GenServer):
    @impl
    def init(self, cook):
        return Ok({"cook": cook, "open": 0})

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case ("order", dish):
                otp.spawn(prepare, otp.self(), state["cook"], dish, caller)
                return NoReply(state | {"open": state["open"] + 1})
            case "open_orders":
                return Reply(state["open"], state)

    @impl
    def handle_info(self, message, state):
        match message:
            case ("ready", caller, answer):
                GenServer.reply(caller, answer)
                return NoReply(state | {"open": state["open"] - 1})

    async def order(kitchen, dish, timeout=60):
        return await GenServer.call(kitchen, ("order", dish), timeout)

    async def open_orders(kitchen):
        return await GenServer.call(kitchen, "open_orders")
