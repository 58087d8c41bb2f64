from collections import defaultdict

import otp


class Board:
    def __init__(self):
        self.readers = defaultdict(list)

    def subscribe(self, topic, pid):
        if pid not in self.readers[topic]:
            self.readers[topic].append(pid)

    def unsubscribe(self, topic, pid):
        if pid in self.readers[topic]:
            self.readers[topic].remove(pid)

    def publish(self, topic, news, from_, ref):
        self.readers[topic] = [pid for pid in self.readers[topic] if otp.is_alive(pid)]
        for pid in self.readers[topic]:
            otp.send(pid, ("event", topic, news))
        otp.send(from_, (ref, len(self.readers[topic])))


async def pubsub():
    board = Board()
    sizes = {"subscribe": 3, "unsubscribe": 3, "publish": 5}
    while True:
        message = await otp.receive()
        if message == "stop":
            return
        if isinstance(message, tuple) and message and len(message) == sizes.get(message[0]):
            getattr(board, message[0])(*message[1:])
