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


class Middle(Supervisor):
    @impl
    def init(self, arg):
        leaf = Part.child_spec(None, id="leaf", name="leaf")
        sibling = Part.child_spec(None, id="sibling", name="sibling")
        return Children([leaf, sibling], strategy="one_for_one", max_restarts=3, max_seconds=5)


class Root(Supervisor):
    @impl
    def init(self, arg):
        witness = Part.child_spec(None, id="witness", name="witness")
        middle = Middle.child_spec(None, id="middle", name="middle", restart="transient")
        return Children([witness, middle], strategy="one_for_one", max_restarts=3, max_seconds=5)
