import otp


async def pubsub():
    topics = {}  # the subscribers of each topic
    monitors = {}  # one for each subscriber
    while True:
        match await otp.receive():
            case ("subscribe", topic, pid):
                topics.setdefault(topic, set()).add(pid)
                if pid not in monitors:
                    monitors[pid] = otp.monitor(pid)
            case ("unsubscribe", topic, pid) if pid in topics.get(topic, ()):
                topics[topic].remove(pid)
                if not any(pid in pids for pids in topics.values()):
                    otp.demonitor(monitors.pop(pid), flush=True)
            case ("publish", topic, message, from_, ref):
                pids = topics.get(topic, set())
                for pid in pids:
                    otp.send(pid, ("event", topic, message))
                otp.send(from_, (ref, len(pids)))
            case otp.Down(item=pid):
                monitors.pop(pid, None)
                for pids in topics.values():
                    pids.discard(pid)
            case "stop":
                return
