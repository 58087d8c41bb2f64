import otp


async def take():
    messages = [await otp.receive()]
    while True:
        try:
            messages.append(await otp.receive(timeout=0))
        except otp.ReceiveTimeout:
            break
    urgent = [message for message in messages if isinstance(message, tuple) and message[:1] == ("urgent",)]
    chosen = urgent[0] if urgent else messages[0]
    taken = False
    for message in messages:
        if message is chosen and not taken:
            taken = True
        else:
            otp.send(otp.self(), message)
    return chosen
