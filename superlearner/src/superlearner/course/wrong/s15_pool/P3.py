from otp import DynamicSupervisor, GenServer, Ok, Stop, impl


class Job(GenServer):
    @impl
    def init(self, seconds):
        return Ok(None, timeout=seconds)

    @impl
    def handle_info(self, message, state):
        return Stop("normal", state)


async def start_pool(limit):
    return await DynamicSupervisor.start_link(), limit


async def open_job(pool, seconds):
    supervisor, limit = pool
    if await count(pool) >= limit:
        return "full"
    return await DynamicSupervisor.start_child(supervisor, Job.child_spec(seconds, restart="temporary"))


async def count(pool):
    return (await DynamicSupervisor.count_children(pool[0])).active
