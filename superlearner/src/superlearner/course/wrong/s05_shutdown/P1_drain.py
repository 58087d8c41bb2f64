import otp


async def service():
    running = 0
    while True:
        match await otp.receive():
            case ("task", seconds, from_, ref):
                running += 1
                otp.send_after(seconds, otp.self(), ("over", from_, ref))
            case ("over", from_, ref):
                running -= 1
                otp.send(from_, (ref, "done"))
            case "stop":
                while running:
                    _, from_, ref = await otp.receive(otp.Tag("over"))
                    running -= 1
                    otp.send(from_, (ref, "done"))
                return
