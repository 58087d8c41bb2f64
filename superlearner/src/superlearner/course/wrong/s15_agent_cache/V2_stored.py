from otp import Agent


async def start():
    return await Agent.start(dict)


async def put(cache, key, value):
    await Agent.update(cache, lambda entries: entries | {key: value})


async def get(cache, key, default=None):
    return await Agent.get(cache, lambda entries: entries.get(key, default))


async def get_or_put(cache, key, make):
    def find_or_make(entries):
        if entries.get(key) is not None:
            return entries[key], entries
        value = make()
        return value, entries | {key: value}

    return await Agent.get_and_update(cache, find_or_make)


async def entries(cache):
    return await Agent.get(cache, dict)
