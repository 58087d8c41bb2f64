"""Says that it has other walls, and that it was killed for another reason."""

# ends: nonsense

import json
import os


def boot(here):
    lie = json.dumps({"what": "walls", "parts": [], "folder": "/"}).encode()
    for number in range(3, 12):
        try:
            os.write(number, len(lie).to_bytes(4, "big") + lie)
        except OSError:
            pass
