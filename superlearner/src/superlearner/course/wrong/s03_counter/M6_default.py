import otp


async def counter(start=0, state={}):
    state.setdefault("number", start)
    while True:
        match await otp.receive():
            case "increment":
                state["number"] += 1
            case ("get", from_, ref):
                otp.send(from_, (ref, state["number"]))
            case "stop":
                return
