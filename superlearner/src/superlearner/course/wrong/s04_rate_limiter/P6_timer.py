import otp


async def rate_limiter(n):
    count = 0
    otp.send_after(1, otp.self(), "reset")
    while True:
        match await otp.receive():
            case "reset":
                count = 0
                otp.send_after(1, otp.self(), "reset")
            case ("ask", from_, ref):
                count += 1
                otp.send(from_, (ref, "ok" if count <= n else "rate_limited"))
            case "stop":
                return
