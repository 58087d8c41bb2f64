import asyncio

from otp import DynamicSupervisor, StartError, TaskSupervisor


async def start_pool(limit):
    return await TaskSupervisor.start_link(max_children=limit)


async def open_job(pool, seconds):
    try:
        return await TaskSupervisor.start_child(pool, asyncio.sleep, seconds)
    except StartError as error:
        if error.reason == "max_children":
            return "full"
        raise


async def count(pool):
    return len(await DynamicSupervisor.which_children(pool))
