"""The child program that imports a changed module on trial, before an upgrade."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otp.peer import Here

__all__ = ["boot"]


def boot(here: Here) -> None:
    """Import a module; `here.args` is its name and the module search path."""
    module, path = here.args
    sys.path[:] = path
    importlib.import_module(module)
