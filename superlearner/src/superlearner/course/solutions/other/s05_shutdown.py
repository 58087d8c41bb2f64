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
                break
    while running:
        match await otp.receive():
            case ("task", _, from_, ref):
                otp.send(from_, (ref, ("error", "stopping")))
            case ("over", from_, ref):
                running -= 1
                otp.send(from_, (ref, "done"))
