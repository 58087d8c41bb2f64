import otp


def start():
    values = {}

    async def serve():
        while True:
            action = await otp.receive()
            if action is None:
                return
            action(values)

    return otp.spawn(serve)


def put(store, key, value):
    otp.send(store, lambda values: values.update({key: value}))


async def get(store, key, default=None, timeout=5):
    me, ref = otp.self(), otp.make_ref()
    otp.send(store, lambda values: otp.send(me, (ref, values.get(key, default))))
    answer = await otp.receive(ref, timeout=timeout)
    return answer[1]


def stop(store):
    otp.send(store, None)
