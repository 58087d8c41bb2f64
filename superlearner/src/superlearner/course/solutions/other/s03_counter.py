import otp


async def counter(start=0):
    match await otp.receive():
        case "increment":
            await counter(start + 1)
        case ("get", from_, ref):
            otp.send(from_, (ref, start))
            await counter(start)
        case "stop":
            pass
        case _:
            await counter(start)
