"""A counter that can crash

Send it the casts "increment",
"crash" and "spin" (an endless
loop), and the call "value". Change
what "increment" does and hot
reload: it continues counting where
it was.
"""

from typing import Any

from otp import Children, From, GenServer, NoReply, Ok, Reply, Supervisor, impl


class Counter(GenServer[int]):
    """Keeps a number."""

    @impl
    def init(self, start: int) -> Ok[int]:
        return Ok(start)

    @impl
    def handle_call(self, request: Any, caller: From, n: int) -> Reply[int]:
        return Reply(n, n)

    @impl
    def handle_cast(self, request: Any, n: int) -> NoReply[int]:
        match request:
            case "increment":
                return NoReply(n + 1)
            case "spin":
                while True:
                    pass
            case _:
                raise RuntimeError("crashed on request")


class Main(Supervisor):
    """Restarts a counter that crashes, at most 3 times in 5 seconds."""

    @impl
    def init(self, config: Any) -> Children:
        return Children(
            [
                Counter.child_spec(0, id="counter", name="counter"),
                Counter.child_spec(100, id="other", name="other"),
            ],
            strategy="one_for_one",
            max_restarts=3,
            max_seconds=5,
        )
