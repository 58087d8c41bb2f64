"""The limit on files and connections that this program may have open."""

from __future__ import annotations

import sys

__all__ = ["allow_descriptors", "descriptors", "too_few_descriptors"]

FEWEST = 64
"""With fewer, imports fail halfway, and with them the store or the event loop."""


def descriptors() -> int | None:
    """Return the limit on open files; None if there is none."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def too_few_descriptors() -> str | None:
    """Return an error if this program may open fewer files than its start needs, else None."""
    allow_descriptors(FEWEST)
    limit = descriptors()
    if limit is None or limit >= FEWEST:
        return None
    return f"expected a limit of at least {FEWEST} open files, got {limit}; try `ulimit -n 4096` first"


def allow_descriptors(wanted: int) -> None:
    """Raise the limit to `wanted`, as far as this needs no privileges; never lower it.

    Many systems start programs with a limit of 1,024 and let them raise it. Slow visitors can use up that many.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
