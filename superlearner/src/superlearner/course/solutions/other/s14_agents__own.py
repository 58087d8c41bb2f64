from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl


class AgentServer(GenServer):
    @impl
    def init(self, memory):
        return Ok(tuple(memory.items()))

    @impl
    def handle_call(self, request, caller, facts):
        match request:
            case ("recall", key):
                return Reply(dict(facts).get(key), facts)

    @impl
    def handle_cast(self, request, facts):
        match request:
            case ("remember", key, value):
                return NoReply((*facts, (key, value)))


class AgentSupervisor(Supervisor):
    @impl
    def init(self, agents):
        specs = []
        for number, (name, memory) in enumerate(agents):
            specs.append(AgentServer.child_spec(memory, id=number, name=name))
        return Children(specs, strategy="one_for_one", max_restarts=5, max_seconds=60)
