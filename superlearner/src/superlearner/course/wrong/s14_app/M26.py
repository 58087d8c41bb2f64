import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl


class Part(GenServer):
    @impl
    def init(self, name):
        otp.send_after(0.5, otp.self(), "register")  # by then the name of the one before is free
        return Ok(name)

    @impl
    def handle_info(self, message, name):
        otp.register(name, otp.self())
        return NoReply(name)


class Workers(Supervisor):
    @impl
    def init(self, arg):
        return Children([Part.child_spec(f"worker_{n}", id=f"worker_{n}") for n in (1, 2, 3)])


class MyApp(Supervisor):
    @impl
    def init(self, arg):
        config, logger = (Part.child_spec(name, id=name) for name in ("config", "logger"))
        return Children([config, logger, Workers.child_spec(id="workers", name="workers")], strategy="rest_for_one")
