from otp import Application, Children, GenServer, Ok, Reply, Supervisor, impl


class Connection(GenServer):
    @impl
    def init(self, url):
        return Ok(url)

    @impl
    def handle_call(self, request, caller, url):
        return Reply(url, url)


class Orders(GenServer):
    @impl
    async def init(self, arg):
        return Ok(await GenServer.call("connection", "url"))

    @impl
    def handle_call(self, request, caller, url):
        return Reply(url, url)


class Tree(Supervisor):
    @impl
    def init(self, children):
        return Children(children, strategy="one_for_one")


class Database(Application):
    name = "database"
    env = {"url": "memory:"}

    @impl
    async def start(self, kind, args):
        url = Application.get_env(Database, "url")
        return await Tree.start_link([Connection.child_spec(url, name="connection")])


class Shop(Application):
    name = "shop"
    applications = (Database,)

    @impl
    async def start(self, kind, args):
        return await Tree.start_link([Orders.child_spec(None, name="orders")])
