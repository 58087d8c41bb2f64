import otp


async def counter(start=0):
    state = {"count": start, "running": True}

    def increment():
        state["count"] += 1

    def get(from_, ref):
        otp.send(from_, (ref, state["count"]))

    def stop():
        state["running"] = False

    handlers = {("increment", 0): increment, ("get", 2): get, ("stop", 0): stop}
    while state["running"]:
        message = await otp.receive()
        if isinstance(message, str):
            message = (message,)
        if isinstance(message, tuple) and message:
            tag, *arguments = message
            handler = handlers.get((tag, len(arguments)))
            if handler:
                handler(*arguments)
