from otp import Application, Children, Continue, GenServer, NoReply, Ok, Reply, Supervisor


class Connection(GenServer):
    def init(self, arg):
        return Ok({"url": Application.get_env(Database, "url")})

    def handle_call(self, request, caller, state):
        return Reply(state[request], state)


class Orders(GenServer):
    def init(self, arg):
        return Ok(None, then=Continue("connect"))

    async def handle_continue(self, step, state):
        return NoReply(await GenServer.call("connection", "url"))

    def handle_call(self, request, caller, url):
        return Reply(url, url)


class DatabaseSup(Supervisor):
    def init(self, arg):
        return Children([Connection.child_spec(None, name="connection")])


class ShopSup(Supervisor):
    def init(self, arg):
        return Children([Orders.child_spec(None, name="orders")], max_restarts=5)


class Database(Application):
    name = "database"
    env = {"url": "memory:", "size": 3}

    async def start(self, kind, args):
        return await DatabaseSup.start_link(name="database_sup")


class Shop(Application):
    name = "shop"
    applications = (Database,)

    async def start(self, kind, args):
        return await ShopSup.start_link(name="shop_sup")
