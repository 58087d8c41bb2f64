"""A stack: let it crash

Cast ("push", 3) and call "pop". A
pop from an empty stack is not
handled: the stack crashes, and its
supervisor restarts it with its
initial items. Give it other items
under Options, in Custom config:
{"items": [1, 2, 3]}.
"""

from typing import Any

from otp import Children, From, GenServer, NoReply, Ok, Reply, Supervisor, impl


class Stack(GenServer[list[Any]]):
    """Its state is a list; the last item is on top."""

    @impl
    def init(self, items: list[Any]) -> Ok[list[Any]]:
        return Ok(list(items))

    @impl
    def handle_call(self, request: Any, caller: From, items: list[Any]) -> Reply[list[Any]]:
        match request:
            case "pop":
                return Reply(items[-1], items[:-1])
            case _:
                return Reply(items, items)

    @impl
    def handle_cast(self, request: Any, items: list[Any]) -> NoReply[list[Any]]:
        match request:
            case ("push", item):
                return NoReply([*items, item])
            case _:
                return NoReply(items)


class Main(Supervisor):
    """Starts the stack with the items of the configuration."""

    @impl
    def init(self, config: Any) -> Children:
        items = config["items"] if config else ["first"]
        return Children([Stack.child_spec(items, id="stack", name="stack")])
