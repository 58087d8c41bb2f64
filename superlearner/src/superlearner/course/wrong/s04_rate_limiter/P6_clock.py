import otp


async def rate_limiter(n):
    second, count = 0, 0
    while True:
        match await otp.receive():
            case ("ask", from_, ref):
                if int(otp.monotonic()) != second:
                    second, count = int(otp.monotonic()), 0
                if count < n:
                    count += 1
                    otp.send(from_, (ref, "ok"))
                else:
                    otp.send(from_, (ref, "rate_limited"))
            case "stop":
                return
