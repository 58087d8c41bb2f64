import asyncio

from otp import GenServer, NoReply, Ok, Reply, impl


class Order:
    def __init__(self, kitchen):
        self.kitchen = kitchen

    async def run(self, cook, dish, caller):
        try:
            GenServer.reply(caller, await cook(dish))
        except Exception as error:
            GenServer.reply(caller, ("failed", str(error)))
        finally:
            self.kitchen.discard(self)


class Kitchen(GenServer):
    @impl
    def init(self, cook):
        return Ok((cook, set()))

    @impl
    async def handle_call(self, request, caller, state):
        cook, orders = state
        match request:
            case {"order": dish}:
                order = Order(orders)
                orders.add(order)
                order.task = asyncio.create_task(order.run(cook, dish, caller))
                return NoReply(state)
            case _:
                return Reply(len(orders), state)

    async def order(kitchen, dish, timeout=60):
        return await GenServer.call(kitchen, {"order": dish}, timeout=timeout)

    async def open_orders(kitchen):
        return await GenServer.call(kitchen, {})
