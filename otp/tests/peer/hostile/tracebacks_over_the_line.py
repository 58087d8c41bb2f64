"""Has the interpreter itself write its tracebacks over the connections."""

# ends: nonsense

import faulthandler
import time


def boot(here):
    faulthandler.dump_traceback_later(0.01, repeat=True, file=3)
    time.sleep(0.1)
