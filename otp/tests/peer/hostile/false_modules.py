"""Leaves modules with the names of the library where the next program looks for its own; it may meet one itself."""

# ends: stopped|exit

import importlib
import sys


def boot(here):
    for name in ("json", "otp", "asyncio", "signal", "sitecustomize", "usercustomize"):
        with open(f"{here.folder}/{name}.py", "w") as file:
            file.write("import os\nos._exit(9)")
    sys.modules.pop("json")
    importlib.invalidate_caches()
