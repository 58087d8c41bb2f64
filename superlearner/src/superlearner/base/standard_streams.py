"""`otp.standard_streams` without the rest of `otp`.

Each command of the terminal needs these functions, most need nothing else of `otp`, and `import otp` takes longer than
such a command has to start in.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Final

__all__ = ["forgive_lost_output", "lost_output"]

NAME: Final = "otp.standard_streams"


def _load_alone() -> None:
    """Execute the module without its package; an import of it later finds this one."""
    package = find_spec("otp")  # does not execute it
    assert package is not None
    assert package.origin is not None
    spec = spec_from_file_location(NAME, Path(package.origin).with_name("standard_streams.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[NAME] = module_from_spec(spec)
    spec.loader.exec_module(module)


if TYPE_CHECKING:
    from otp.standard_streams import forgive_lost_output, lost_output
else:
    if NAME not in sys.modules:
        _load_alone()
    forgive_lost_output = sys.modules[NAME].forgive_lost_output
    lost_output = sys.modules[NAME].lost_output
