import otp
from otp import Children, GenServer, Ok, Supervisor, impl


class Part(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)


class Workers(Supervisor):
    @impl
    def init(self, arg):
        return Children([Part.child_spec(None, id=f"worker_{n}") for n in (1, 2, 3)])


class MyApp(Supervisor):
    @impl
    def init(self, arg):
        children = [
            Part.child_spec(None, id="config"),
            Part.child_spec(None, id="logger"),
            Workers.child_spec(id="workers"),
        ]
        return Children(children, strategy="rest_for_one")

    @classmethod
    async def start_link(cls, arg=None):
        top = await super().start_link(arg)
        for child in await Supervisor.which_children(top):
            otp.register(child.id, child.pid)
        for child in await Supervisor.which_children("workers"):
            otp.register(child.id, child.pid)
        return top
