import otp


async def pubsub():
    topics = {}
    while True:
        match await otp.receive():
            case ("subscribe", topic, pid):
                topics = {each: {pid for pid in pids if otp.is_alive(pid)} for each, pids in topics.items()}
                topics.setdefault(topic, set()).add(pid)
            case ("unsubscribe", topic, pid):
                topics.get(topic, set()).discard(pid)
            case ("publish", topic, message, from_, ref):
                pids = topics.get(topic, set())
                for pid in pids:
                    otp.send(pid, ("event", topic, message))
                otp.send(from_, (ref, len(pids)))
            case "stop":
                return
