import otp


async def rate_limiter(n):
    free = n
    while True:
        match await otp.receive():
            case ("ask", from_, ref) if free:
                free -= 1
                otp.send_after(1, otp.self(), ("free again", ref))
                otp.send(from_, (ref, "ok"))
            case ("ask", from_, ref):
                otp.send(from_, (ref, "rate_limited"))
            case ("free again", _):
                free += 1
            case "stop":
                return
