import otp


async def take():
    messages = [await otp.receive()]
    while True:
        try:
            messages.append(await otp.receive(timeout=0))
        except otp.ReceiveTimeout:
            break
    urgent = [message for message in messages if isinstance(message, tuple) and message[:1] == ("urgent",)]
    return (urgent or messages)[0]
