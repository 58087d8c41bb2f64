from otp import Agent

MISSING = object()


async def start():
    return await Agent.start(lambda: ())


def find(pairs, key, default):
    for each, value in reversed(pairs):
        if each == key:
            return value
    return default


async def put(cache, key, value):
    await Agent.update(cache, lambda pairs: (*pairs, (key, value)))


async def get(cache, key, default=None):
    return await Agent.get(cache, lambda pairs: find(pairs, key, default))


async def get_or_put(cache, key, make):
    def step(pairs):
        value = find(pairs, key, MISSING)
        if value is not MISSING:
            return (value, pairs)
        value = make()
        return (value, (*pairs, (key, value)))

    return await Agent.get_and_update(cache, step)


async def entries(cache):
    return dict(await Agent.get(cache, lambda pairs: pairs))
