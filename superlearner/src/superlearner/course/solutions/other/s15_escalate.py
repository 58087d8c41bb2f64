from otp import Children, ChildSpec, GenServer, NoReply, Ok, Stop, Supervisor, impl


class Idle(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)


class Leaf(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_cast(self, request, state):
        return Stop("crashed", state) if request == "crash" else NoReply(state)


async def start_middle():
    children = [Idle.child_spec(None, name="sibling"), Leaf.child_spec(None, name="leaf")]
    return await Supervisor.start_link_children(children, strategy="rest_for_one", name="middle")


class Root(Supervisor):
    @impl
    def init(self, arg):
        return Children(
            [
                Idle.child_spec(None, name="witness"),
                ChildSpec("middle", start=(start_middle,), type="supervisor"),
            ]
        )
