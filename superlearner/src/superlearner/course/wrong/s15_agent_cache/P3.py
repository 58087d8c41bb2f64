from otp import Agent


async def start():
    return await Agent.start(dict)


async def put(cache, key, value):
    await Agent.update(cache, lambda entries: entries | {key: value})


async def get(cache, key, default=None):
    return await Agent.get(cache, lambda entries: entries.get(key, default))


async def get_or_put(cache, key, make):
    value = await get(cache, key)
    if value is not None or key in await entries(cache):
        return value
    value = make()
    await put(cache, key, value)
    return value


async def entries(cache):
    return await Agent.get(cache, dict)
