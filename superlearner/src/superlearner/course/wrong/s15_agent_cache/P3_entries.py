from otp import Agent


async def start():
    return await Agent.start(dict)


async def put(cache, key, value):
    await Agent.update(cache, lambda d: d | {key: value})


async def get(cache, key, default=None):
    return await Agent.get(cache, lambda d: d.get(key, default))


async def get_or_put(cache, key, make):
    d = await entries(cache)
    if key in d:
        return d[key]
    v = make()
    await put(cache, key, v)
    return v


async def entries(cache):
    return await Agent.get(cache, dict)
