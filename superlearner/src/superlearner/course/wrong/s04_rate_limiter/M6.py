import otp

allowed = []


async def rate_limiter(n):
    global allowed
    while True:
        match await otp.receive():
            case ("ask", from_, ref):
                now = otp.monotonic()
                allowed = [when for when in allowed if when > now - 1]
                if len(allowed) < n:
                    allowed.append(now)
                    otp.send(from_, (ref, "ok"))
                else:
                    otp.send(from_, (ref, "rate_limited"))
            case "stop":
                return
