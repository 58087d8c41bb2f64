"""Optional extras: what each one adds, and how to install it.

The printed commands name the packages of others, not our own extra: that name resolves only once we are published on an
index. These commands work for a checkout, a wheel and an index.

>>> install("mcp")
"pip install 'mcp>=2'"
"""

from __future__ import annotations

import shlex
from typing import Final, NamedTuple

__all__ = ["EXTRAS", "Extra", "install"]


class Extra(NamedTuple):
    """An extra: a module that shows that it is installed, purpose, requirements."""

    module: str
    purpose: str
    requirements: tuple[str, ...]


EXTRAS: Final = {
    "console": Extra("IPython", "colours and completion in superlearner console", ("ipython>=9",)),
    "mcp": Extra("mcp", "superlearner mcp, for AI clients", ("mcp>=2",)),
    "otel": Extra(
        "opentelemetry.sdk",
        "metrics and traces for OpenTelemetry",
        ("opentelemetry-exporter-otlp-proto-http>=1.30", "opentelemetry-sdk>=1.30"),
    ),
    "postgres": Extra("asyncpg", "a PostgreSQL database", ("asyncpg>=0.30",)),
}
"""Requirements, the same as in `pyproject.toml`."""


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install {shlex.join(EXTRAS[extra].requirements)}"
