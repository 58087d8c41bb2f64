import otp


async def rate_limiter(n):
    begun, count = 0, 0
    while True:
        match await otp.receive():
            case ("ask", from_, ref):
                if otp.monotonic() - begun > 1:
                    begun, count = otp.monotonic(), 0
                count += 1
                otp.send(from_, (ref, "ok" if count <= n else "rate_limited"))
            case "stop":
                return
