import otp
from otp import Agent, Children, ChildSpec, GenServer, Ok, Supervisor, impl


async def start_config():
    return await Agent.start_link(lambda: {"prefix": "app", "every": 5}, name="config")


class Logger(GenServer):
    @impl
    async def init(self, arg):
        return Ok(await Agent.get("config", lambda settings: settings["prefix"]))


class Worker(GenServer):
    @impl
    def init(self, arg):
        return Ok(otp.whereis("logger"))


async def start_workers():
    specs = [Worker.child_spec(None, id=number, name=f"worker_{number}") for number in (1, 2, 3)]
    return await Supervisor.start_link_children(specs, name="workers")


class MyApp(Supervisor):
    @impl
    def init(self, arg):
        return Children(
            [
                ChildSpec("config", start=(start_config,)),
                Logger.child_spec(None, id="logger", name="logger"),
                ChildSpec("workers", start=(start_workers,), type="supervisor"),
            ],
            strategy="rest_for_one",
            max_restarts=10,
            max_seconds=60,
        )
