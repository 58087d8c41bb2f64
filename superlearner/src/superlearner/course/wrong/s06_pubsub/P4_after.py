import otp


async def pubsub():
    topics = {}
    while True:
        match await otp.receive():
            case ("subscribe", topic, pid):
                topics.setdefault(topic, set()).add(pid)
            case ("unsubscribe", topic, pid):
                topics.get(topic, set()).discard(pid)
            case ("publish", topic, message, from_, ref):
                pids = topics.get(topic, set())
                for pid in pids:
                    otp.send(pid, ("event", topic, message))
                otp.send(from_, (ref, len(pids)))
                topics[topic] = {pid for pid in pids if otp.is_alive(pid)}
            case "stop":
                return
