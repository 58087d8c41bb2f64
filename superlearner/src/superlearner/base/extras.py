"""The extras: what each brings, and how to install it.

What is printed names packages of others. A command with a name of ours would ask an index, and works only once we have
published there; these work from a checkout, from a wheel and from an index.

>>> install("mcp")
"pip install 'mcp>=2'"
"""

from __future__ import annotations

import shlex
from typing import Final, NamedTuple

__all__ = ["EXTRAS", "Extra", "install"]


class Extra(NamedTuple):
    """An extra: a module that shows whether it is there, what it is for, and the requirements it stands for."""

    module: str
    purpose: str
    requirements: tuple[str, ...]


EXTRAS: Final = {
    "console": Extra("IPython", "colours and completion in superlearner console", ("ipython>=9",)),
    "mcp": Extra("mcp", "superlearner mcp, for AI clients", ("mcp>=2",)),
    "otel": Extra(
        "opentelemetry.sdk",
        "figures and traces for OpenTelemetry",
        ("opentelemetry-exporter-otlp-proto-http>=1.30", "opentelemetry-sdk>=1.30"),
    ),
    "postgres": Extra("asyncpg", "a PostgreSQL database", ("asyncpg>=0.30",)),
}
"""As in `pyproject.toml`."""


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install {shlex.join(EXTRAS[extra].requirements)}"
