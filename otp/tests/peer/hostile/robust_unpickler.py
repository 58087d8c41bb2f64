"""Sends a pickle where plain frames are expected."""

# ends: nonsense

import os
import pickle


class Bomb:
    def __reduce__(self):
        return (os._exit, (66,))


def boot(here):
    data = pickle.dumps(Bomb())
    for number in range(3, 12):
        try:
            os.write(number, len(data).to_bytes(4, "big") + data)
        except OSError:
            pass
