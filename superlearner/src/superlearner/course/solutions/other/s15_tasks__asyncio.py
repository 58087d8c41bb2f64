import asyncio


async def fetch_all(items, fetch, timeout):
    places = asyncio.Semaphore(8)

    async def one(item):
        async with places:
            try:
                return ("ok", await asyncio.wait_for(fetch(item), timeout))
            except Exception:
                return ("failed", item)

    return list(await asyncio.gather(*(one(item) for item in items)))
