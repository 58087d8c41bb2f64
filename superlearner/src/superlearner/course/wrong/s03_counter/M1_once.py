import otp


async def counter(start=0):
    match await otp.receive():
        case "increment":
            start += 1
        case ("get", from_, ref):
            otp.send(from_, (ref, start))
