from otp import Children, GenServer, Ok, Supervisor, impl


class Part(GenServer):
    @impl
    def init(self, name):
        return Ok(name)


class Checkout(Supervisor):
    @impl
    def init(self, arg):
        children = [Part.child_spec(name, id=name, restart="temporary") for name in ("stock", "cart", "mailer")]
        return Children(children, strategy="rest_for_one", max_restarts=5, max_seconds=5)
