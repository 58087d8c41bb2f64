"""Sends messages that are nested, doubled, and full of numbers without end."""

# ends: nonsense

import os


def boot(here):
    for body in (
        b'{"what":' + b"[" * 980 + b"]" * 980 + b"}",
        b'{"what":"beat",' * 1 + b'"what":' + b"9" * 4000 + b"}",
        b'{"what":NaN}',
        b"[" * 30_000,
    ):
        os.write(3, len(body).to_bytes(4, "big") + body)
