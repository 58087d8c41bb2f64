import otp


async def process_agent(name, memory=None):
    await loop(name, tuple((memory or {}).items()))


async def loop(name, facts):
    def answer(from_, ref, value):
        otp.send(from_, (ref, value))

    while True:
        message = await otp.receive()
        if message == "stop":
            break
        if message == "forget_all":
            facts = ()
        elif isinstance(message, tuple) and len(message) == 3:
            tag, one, other = message
            if tag == "get_state":
                shown = {"name": name, "status": "idle", "memory": dict(facts)}
                answer(one, other, {**shown, "inbox": (), "processed_count": 0})
            elif tag == "get_status":
                answer(one, other, "idle")
            elif tag == "remember":
                facts = (*facts, (one, other))
        elif isinstance(message, tuple) and len(message) == 4 and message[0] == "recall":
            answer(message[2], message[3], dict(facts).get(message[1]))
