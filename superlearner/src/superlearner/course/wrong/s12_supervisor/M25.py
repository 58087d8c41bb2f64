import otp
from otp import Down, GenServer, NoReply, Ok, impl


class Part(GenServer):
    @impl
    def init(self, name):
        return Ok(name)


class Checkout(GenServer):
    @impl
    async def init(self, arg):
        running = {}
        for name in ("stock", "cart", "mailer"):
            pid = await Part.start(name)
            otp.monitor(pid)
            running[pid] = name
        return Ok(running)

    @impl
    async def handle_info(self, message, running):
        match message:
            case Down(item=dead):
                name = running.pop(dead)
                pid = await Part.start(name)
                otp.monitor(pid)
                return NoReply(running | {pid: name})
