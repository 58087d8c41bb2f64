"""Texts of a sandbox without the paths of the platform's own installation.

Its program runs with our interpreter and our packages, so that tracebacks and import errors name their files. To who
reads them `otp/kernel/calls.py` says that it is ours; where that is installed is nobody's business.
"""

from __future__ import annotations

import os
import sys

import otp
import superlearner

__all__ = ["without_our_paths"]


def without_our_paths(text: str) -> str:
    """`text` with files of ours as they are imported.

    >>> import os
    >>> without_our_paths(f'File "{os.__file__}", line 7; File "/peer/main.py", line 1')
    'File "os.py", line 7; File "/peer/main.py", line 1'
    """
    if os.sep not in text:
        return text
    for place in _places():
        text = text.replace(place, "")
    return text


def _places() -> list[str]:
    """Where modules are found, and what is around that; the innermost first."""
    packages = (os.path.dirname(os.path.dirname(module.__file__ or "")) for module in (otp, superlearner))
    found = {sys.prefix, sys.base_prefix, *sys.path, *packages}
    found |= {os.path.realpath(place) for place in found}
    return sorted(
        (os.path.join(one, "") for one in found if len(one) > 1 and os.path.isabs(one)), key=len, reverse=True
    )
