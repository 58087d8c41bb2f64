"""What the program does in which a changed module is tried before servers of the platform's node go over to it."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otp.peer import Here

__all__ = ["boot"]


def boot(here: Here) -> None:
    """Import a module; `here.args` is its name, and where modules are looked for."""
    module, path = here.args
    sys.path[:] = path
    importlib.import_module(module)
