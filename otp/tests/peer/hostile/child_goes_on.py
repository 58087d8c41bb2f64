"""Ends itself and leaves a child with all its connections, which says that all is well."""

# ends: exit
# reason: os\._exit\(7\)

import os
import signal
import time


def boot(here):
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            os.write(3, (15).to_bytes(4, "big") + b'{"what":"beat"}')
            time.sleep(0.01)
    os._exit(7)
