import otp


async def pubsub():
    subscriptions = {}  # (topic, pid): monitor
    while (message := await otp.receive()) != "stop":
        match message:
            case ("subscribe", topic, pid):
                if (topic, pid) not in subscriptions:
                    subscriptions[topic, pid] = otp.monitor(pid)
            case ("unsubscribe", topic, pid):
                monitor = subscriptions.pop((topic, pid), None)
                if monitor is not None:
                    otp.demonitor(monitor, flush=True)
            case ("publish", topic, news, from_, ref):
                readers = [pid for about, pid in subscriptions if about == topic]
                for pid in readers:
                    otp.send(pid, ("event", topic, news))
                otp.send(from_, (ref, len(readers)))
            case otp.Down(ref=ended):
                subscriptions = {key: monitor for key, monitor in subscriptions.items() if monitor != ended}
