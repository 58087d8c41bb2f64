import otp
from otp import Down


async def work(fetch, item, ref, owner):
    otp.send(owner, (ref, ("ok", await fetch(item))))


async def fetch_all(items, fetch, timeout):
    found, running, waiting = {}, {}, list(enumerate(items))
    while waiting or running:
        while waiting and len(running) < 8:
            place, item = waiting.pop(0)
            ref = otp.make_ref()
            pid, monitor = otp.spawn_monitor(work, fetch, item, ref, otp.self())
            running[place] = (item, pid, monitor, ref, otp.monotonic() + timeout)
        first = min(running, key=lambda place: running[place][4])
        refs = {key: place for place, row in running.items() for key in (row[2], row[3])}

        def mine(message, refs=refs):
            key = message.ref if isinstance(message, Down) else message[0] if isinstance(message, tuple) else None
            return key in refs

        try:
            message = await otp.receive(mine, timeout=max(running[first][4] - otp.monotonic(), 0))
        except TimeoutError:
            item, pid, monitor, _, _ = running.pop(first)
            otp.demonitor(monitor, flush=True)
            otp.exit(pid, "kill")
            found[first] = ("failed", item)
            continue
        if isinstance(message, Down):
            place = refs[message.ref]
            found[place] = ("failed", running.pop(place)[0])
        else:
            place = refs[message[0]]
            otp.demonitor(running.pop(place)[2], flush=True)
            found[place] = message[1]
    return tuple(found[place] for place in range(len(items)))
