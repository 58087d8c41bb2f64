from otp import DynamicSupervisor, GenServer, Ok, StartError, Stop, impl


class Job(GenServer):
    @impl
    def init(self, seconds):
        return Ok(None, timeout=seconds)

    @impl
    def handle_info(self, message, state):
        return Stop("normal", state)


async def start_pool(limit):
    return await DynamicSupervisor.start_link(max_children=limit)


async def open_job(pool, seconds):
    try:
        return await DynamicSupervisor.start_child(pool, Job.child_spec(seconds, restart="transient"))
    except StartError:
        return "full"


async def count(pool):
    return (await DynamicSupervisor.count_children(pool)).active
