"""Removes the paths of the platform's installation from output of a sandbox.

A sandbox runs with our interpreter and packages, so its tracebacks and import errors name their files. A reader needs
`otp/kernel/steps/calls.py` to see that the code is ours; where it is installed must not be revealed.
"""

from __future__ import annotations

import os
import sys

import otp
import superlearner

__all__ = ["without_our_paths"]


def without_our_paths(text: str) -> str:
    """Return `text` with paths of our files relative to their import folder.

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
    """Return the folders of modules, and those around them; innermost first."""
    packages = (os.path.dirname(os.path.dirname(module.__file__ or "")) for module in (otp, superlearner))
    found = {sys.prefix, sys.base_prefix, *sys.path, *packages}
    found |= {os.path.realpath(place) for place in found}
    return sorted(
        (os.path.join(one, "") for one in found if len(one) > 1 and os.path.isabs(one)), key=len, reverse=True
    )
