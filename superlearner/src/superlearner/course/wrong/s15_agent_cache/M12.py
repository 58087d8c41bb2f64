import otp
from otp import Agent

CACHES = {}


async def start():
    living = [pid for pid in CACHES if otp.is_alive(pid)]
    dead = [pid for pid in CACHES if pid not in living]
    kept = CACHES.pop(dead[0]) if dead else {}
    pid = await Agent.start(lambda: kept)
    CACHES[pid] = kept
    return pid


async def put(cache, key, value):
    def change(entries):
        entries[key] = value
        return entries

    await Agent.update(cache, change)


async def get(cache, key, default=None):
    return await Agent.get(cache, lambda entries: entries.get(key, default))


async def get_or_put(cache, key, make):
    return await Agent.get(cache, lambda entries: entries[key] if key in entries else entries.setdefault(key, make()))


async def entries(cache):
    return await Agent.get(cache, dict)
