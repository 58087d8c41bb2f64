from otp import Application, GenServer, Ok, Reply, Supervisor, impl


class Server(GenServer):
    @impl
    async def init(self, find):
        return Ok(await find())

    @impl
    def handle_call(self, request, caller, url):
        return Reply(url, url)


async def setting():
    return Application.get_env(Database, "url")


async def ask():
    return await GenServer.call("connection", "url")


class Database(Application):
    name = "database"
    env = {"url": "sqlite:"}

    @impl
    async def start(self, kind, args):
        return await Supervisor.start_link_children([Server.child_spec(setting, name="connection")])


class Shop(Application):
    name = "shop"
    applications = [Database]

    @impl
    async def start(self, kind, args):
        return await Supervisor.start_link_children([Server.child_spec(ask, name="orders")])
