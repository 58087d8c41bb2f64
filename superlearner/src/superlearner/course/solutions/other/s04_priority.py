import otp


def is_urgent(message):
    return isinstance(message, tuple) and len(message) > 0 and message[0] == "urgent"


async def take():
    waiting = otp.process_info(otp.self(), "messages")
    if any(is_urgent(message) for message in waiting):
        return await otp.receive(is_urgent)
    return await otp.receive()
