import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl


class Config(GenServer):
    @impl
    def init(self, settings):
        return Ok(settings)

    @impl
    def handle_call(self, key, caller, settings):
        return Reply(settings[key], settings)


class Logger(GenServer):
    @impl
    async def init(self, arg):
        prefix = await GenServer.call("config", "prefix")
        return Ok({"prefix": prefix, "clients": []})

    @impl
    def handle_call(self, request, caller, state):
        match request:
            case ("join", name):
                return Reply(None, state | {"clients": [*state["clients"], name]})


class Worker(GenServer):
    @impl
    async def init(self, name):
        every = await GenServer.call("config", "every")
        await GenServer.call("logger", ("join", name))
        return Ok(every)


class Workers(GenServer):
    @impl
    async def init(self, arg):
        otp.process_flag("trap_exit", True)
        workers = {}
        for name in ("worker_1", "worker_2", "worker_3"):
            workers[await Worker.start_link(name, name=name)] = name
        return Ok(workers)

    @impl
    async def handle_info(self, message, workers):
        name = workers.pop(message.pid)
        workers[await Worker.start_link(name, name=name)] = name
        return NoReply(workers)


class MyApp(Supervisor):
    @impl
    def init(self, arg):
        children = [
            Config.child_spec({"prefix": "app", "every": 5}, id="config", name="config"),
            Logger.child_spec(None, id="logger", name="logger"),
            Workers.child_spec(None, id="workers", name="workers"),
        ]
        return Children(children, strategy="rest_for_one")
