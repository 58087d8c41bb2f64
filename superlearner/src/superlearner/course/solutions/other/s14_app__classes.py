from otp import Children, GenServer, Ok, Reply, Supervisor


class Server(GenServer):
    def init(self, needs):
        return Ok(needs)

    def handle_call(self, request, caller, state):
        return Reply(state, state)


class WorkerSup(Supervisor):
    def init(self, count):
        return Children([self.worker(n + 1) for n in range(count)])

    def worker(self, n):
        name = f"worker_{n}"
        return Server.child_spec(["config", "logger"], id=name, name=name)


class MyApp(Supervisor):
    def init(self, arg):
        rest = [("config", []), ("logger", ["config"])]
        specs = [{"id": name, "start": (start, name, needs)} for name, needs in rest]
        specs.append(WorkerSup.child_spec(3, id="workers", name="workers"))
        return Children(specs, strategy="rest_for_one")


async def start(name, needs):
    return await Server.start_link(needs, name=name)
