"""Calls the platform's own interface by HTTP."""

# ends: stopped

import urllib.request


def boot(here):
    args = here.args
    for what, attempt in {
        "health": lambda: urllib.request.urlopen(f"http://127.0.0.1:{args['port']}/api/v1/processes", timeout=1).read(),
        "by name": lambda: urllib.request.urlopen(f"http://localhost:{args['port']}/", timeout=1).read(),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
