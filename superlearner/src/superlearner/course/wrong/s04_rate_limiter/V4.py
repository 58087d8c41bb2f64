import otp


async def rate_limiter(n):
    allowed = []
    while True:
        message = await otp.receive()
        if message == "stop":
            return
        tag, from_, ref = message
        match tag:
            case "ask":
                now = otp.monotonic()
                allowed = [when for when in allowed if when > now - 1]
                if len(allowed) < n:
                    allowed.append(now)
                    otp.send(from_, (ref, "ok"))
                else:
                    otp.send(from_, (ref, "rate_limited"))
