"""The class of the machine of a run, without anything that identifies the host."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

_ASK = """
import json, platform, sysconfig
flags = (sysconfig.get_config_var("CONFIG_ARGS") or "") + (sysconfig.get_config_var("PY_CFLAGS_NODIST") or "")
print(json.dumps([platform.python_version(), "--enable-optimizations" in flags or "-fprofile-use" in flags]))
"""


def machine(python: str) -> dict[str, object]:
    """Return processor, cores, memory, system, load, and the build of the Python."""
    asked = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=True)
    version, optimised = json.loads(asked.stdout)
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "virtual": _is_virtual(),
        "load": os.getloadavg()[0],
        "python": version,
        "optimised": optimised,
    }


def sentence(at: dict[str, Any], kind: str = "", more: str = "") -> str:
    """Return the processor, its cores, the Python and the load of a run in words, with what follows the first two."""
    here = f"{at['processor']}{kind}, {at['cores']} cores{more}, CPython {at['python']}"
    return f"{here}; load when the run began: {at['load']:.1f}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    found = processor_in(information.read_text()) if information.exists() else None
    return found or platform.processor() or "unknown processor"


def processor_in(information: str) -> str | None:
    """Return the processor that `/proc/cpuinfo` names, with its numbers: many virtual machines hide the rest."""
    facts = dict(re.findall(r"^([a-z ]+?)\s*:[ \t]*(.+)$", information, re.MULTILINE))
    if "model name" not in facts:
        return None
    numbers = (
        f", family {facts['cpu family']} model {facts['model']}" if {"cpu family", "model"} <= facts.keys() else ""
    )
    return f"{facts['model name']}{numbers}"


def _is_virtual() -> bool:
    information = Path("/proc/cpuinfo")
    return information.exists() and " hypervisor" in information.read_text()
