import otp


async def loop(values):
    while True:
        match await otp.receive():
            case ("put", key, value):
                values[key] = value
            case ("get", key, from_):
                otp.send(from_, ("value", values.get(key), key in values))
            case "stop":
                return


def start():
    return otp.spawn(loop, {})


def put(store, key, value):
    otp.send(store, ("put", key, value))


async def get(store, key, default=None, timeout=5):
    otp.send(store, ("get", key, otp.self()))
    _, value, found = await otp.receive(otp.Tag("value"), timeout=timeout)
    return value if found else default


def stop(store):
    otp.send(store, "stop")
