"""The folders of this machine, which a recording leaves out: it is read elsewhere, and by others."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from typing import Final

__all__ = ["Folders"]

_BEFORE: Final = rb"(?:(?<![\w.~/-])|(?<=\\[nrt]))"  # not inside a longer path; a line break may come before
_AFTER: Final = rb"(?:(?P<sep>/|\\+)|(?![\w.-]))"


class Folders:
    """Folders with the text that replaces each: paths below the program and its libraries become relative.

    >>> Folders({"/ada/shop": "", "/ada": "~"}).hide(b"/ada/shop/cart.py, /ada/notes, /adam, https://x.example/ada/")
    b'cart.py, ~/notes, /adam, https://x.example/ada/'
    """

    __slots__ = ("_instead", "_outer", "_pattern")

    def __init__(self, folders: dict[str, str]) -> None:
        self._instead: dict[bytes, bytes] = {}
        for folder, instead in folders.items():
            if os.path.dirname(folder) != folder:  # not the root
                for written in (folder, folder.replace("\\", "\\\\")):  # as it is, and in a `repr`
                    self._instead[json.dumps(written)[1:-1].encode("ascii")] = instead.encode("ascii")
        # Few lines name a folder, and looking for these few strings costs less than the search with the pattern.
        self._outer = [one for one in self._instead if not any(o != one and one.startswith(o) for o in self._instead)]
        longest_first = sorted(map(re.escape, self._instead), key=len, reverse=True)
        self._pattern = re.compile(_BEFORE + b"(?P<folder>" + b"|".join(longest_first) + b")" + _AFTER)

    @classmethod
    def here(cls) -> Folders:
        """Return those of this machine and this program."""
        from tempfile import gettempdir

        found = {gettempdir(): "<tmp>", os.path.expanduser("~"): "~", sys.prefix: "<python>"}
        found[sys.base_prefix] = "<python>"
        found |= dict.fromkeys(filter(os.path.isabs, sys.path), "")
        with suppress(OSError):  # the current folder may be deleted
            found[os.getcwd()] = ""
        return cls(found | {os.path.realpath(folder): instead for folder, instead in found.items()})

    def hide(self, line: bytes) -> bytes:
        """Return a line of a recording without these folders."""
        for folder in self._outer:
            if folder in line:
                return self._pattern.sub(self._shorter, line)
        return line

    def _shorter(self, found: re.Match[bytes]) -> bytes:
        instead, sep = self._instead[found["folder"]], found["sep"] or b""
        return instead + sep if instead else b"" if sep else b"."
