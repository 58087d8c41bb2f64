import otp

REF = "store"


async def loop(values):
    while True:
        match await otp.receive():
            case ("put", key, value):
                values[key] = value
            case ("get", key, default, from_, ref):
                otp.send(from_, (ref, values.get(key, default)))
            case "stop":
                return


def start():
    return otp.spawn(loop, {})


def put(store, key, value):
    otp.send(store, ("put", key, value))


async def get(store, key, default=None, timeout=5):
    ref = REF
    otp.send(store, ("get", key, default, otp.self(), ref))
    _, value = await otp.receive(otp.Tag(ref), timeout=timeout)
    return value


def stop(store):
    otp.send(store, "stop")
