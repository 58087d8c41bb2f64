from otp import Children, GenServer, NoReply, Ok, Supervisor, impl


class Part(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)

    @impl
    def handle_cast(self, request, state):
        if request == "crash":
            raise RuntimeError("as you wished")
        return NoReply(state)


class Root(Supervisor):
    @impl
    def init(self, arg):
        match arg:
            case "middle":
                names = ["leaf", "sibling"]
                return Children([Part.child_spec(None, id=name, name=name) for name in names])
            case _:
                middle = Root.child_spec("middle", id="middle", name="middle")
                return Children([middle, Part.child_spec(None, id="witness", name="witness")], max_restarts=10)
