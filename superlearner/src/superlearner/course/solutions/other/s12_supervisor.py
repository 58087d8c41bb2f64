from otp import Children, GenServer, Ok, Supervisor, impl


class Part(GenServer):
    @impl
    def init(self, name):
        return Ok(name)


class Checkout(Supervisor):
    @impl
    def init(self, arg):
        stock = Part.child_spec("stock", id="stock")
        cart = Part.child_spec("cart", id="cart")
        mailer = Part.child_spec("mailer", id="mailer")
        # Ten crashes in a minute: another window, the same children.
        return Children([stock, cart, mailer], strategy="rest_for_one", max_restarts=10, max_seconds=60)
