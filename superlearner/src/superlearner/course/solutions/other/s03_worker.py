import otp


async def worker():
    while (message := await otp.receive()) != "stop":
        match message:
            case ("work", seconds, from_, ref):
                otp.send_after(seconds, otp.self(), ("over", ref))
                await otp.receive(lambda each: each == ("over", ref))
                otp.send(from_, (ref, "done"))
