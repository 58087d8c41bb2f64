from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor

MEMORIES = {}


class Agent(GenServer):
    def init(self, arg):
        name, memory = arg
        if name not in MEMORIES:
            MEMORIES[name] = dict(memory)
        return Ok(name)

    def handle_call(self, request, caller, name):
        return Reply(MEMORIES[name].get(request[1]), name)

    def handle_cast(self, request, name):
        MEMORIES[name][request[1]] = request[2]
        return NoReply(name)


class AgentSupervisor(Supervisor):
    def init(self, agents):
        return Children([Agent.child_spec(each, id=each[0], name=each[0]) for each in agents])
