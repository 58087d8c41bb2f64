import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor


class CrashyWorker(GenServer):
    def init(self, arg):
        return Ok(0)

    def handle_cast(self, request, count):
        match request:
            case "crash":
                return NoReply(count // 0)
            case _:
                return NoReply(count + 1)


class StrictSupervisor(Supervisor):
    def init(self, arg):
        return Children([{"id": 1, "start": (start_crashy,)}], max_restarts=3, max_seconds=10)


async def start_crashy():
    pid = await CrashyWorker.start_link(None)
    otp.register("crashy", pid)
    return pid
