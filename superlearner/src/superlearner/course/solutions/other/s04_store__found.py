import otp


class Store:
    def __init__(self):
        self.entries = ()

    def put(self, key, value):
        self.entries = ((key, value), *self.entries)

    def get(self, key):
        for known, value in self.entries:
            if known == key:
                return ("found", value)
        return "missing"

    async def run(self):
        while True:
            message = await otp.receive()
            match message:
                case {"put": key, "value": value}:
                    self.put(key, value)
                case {"get": key, "reply": (pid, ref)}:
                    otp.send(pid, {"answer": self.get(key), "ref": ref})
                case {"stop": True}:
                    break


def start():
    return otp.spawn(lambda: Store().run())


def put(store, key, value):
    otp.send(store, {"put": key, "value": value})


async def get(store, key, default=None, timeout=5):
    monitor = otp.monitor(store)
    otp.send(store, {"get": key, "reply": (otp.self(), monitor)})

    def mine(message):
        return isinstance(message, dict) and message.get("ref") == monitor

    try:
        message = await otp.receive(mine, timeout=timeout)
    finally:
        otp.demonitor(monitor, flush=True)
    match message["answer"]:
        case ("found", value):
            return value
    return default


def stop(store):
    otp.send(store, {"stop": True})
