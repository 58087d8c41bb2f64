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
                for pid in topics.get(topic, ()):
                    otp.send(pid, ("event", topic, message))
                otp.send(from_, (ref, len(topics.get(topic, ()))))
            case "stop":
                return
