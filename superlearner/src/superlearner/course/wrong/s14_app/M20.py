from otp import Children, GenServer, Ok, Reply, Supervisor, impl


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


class Workers(Supervisor):
    @impl
    def init(self, arg):
        names = ["worker_1", "worker_2", "worker_3"]
        return Children([Worker.child_spec(name, id=name, name=name) for name in names], strategy="one_for_one")


class MyApp(Supervisor):
    @impl
    def init(self, arg):
        children = [
            Config.child_spec({"prefix": "app", "every": 5}, id="config", name="config"),
            Logger.child_spec(None, id="logger", name="logger"),
            Workers.child_spec(None, id="workers", name="workers"),
        ]
        return Children(children, strategy="one_for_all")
