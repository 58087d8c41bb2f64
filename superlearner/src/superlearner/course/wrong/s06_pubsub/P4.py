import otp


async def pubsub():
    topics = {}
    while True:
        try:
            message = await otp.receive(timeout=1)
        except otp.ReceiveTimeout:
            topics = {topic: {pid for pid in pids if otp.is_alive(pid)} for topic, pids in topics.items()}
            continue
        match message:
            case ("subscribe", topic, pid):
                topics.setdefault(topic, set()).add(pid)
            case ("unsubscribe", topic, pid):
                topics.get(topic, set()).discard(pid)
            case ("publish", topic, news, from_, ref):
                for pid in topics.get(topic, ()):
                    otp.send(pid, ("event", topic, news))
                otp.send(from_, (ref, len(topics.get(topic, ()))))
            case "stop":
                return
