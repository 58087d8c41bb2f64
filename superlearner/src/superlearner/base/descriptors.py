"""How many files and connections the operating system lets this program have open."""

from __future__ import annotations

import sys

__all__ = ["allow_descriptors", "descriptors"]


def descriptors() -> int | None:
    """How many it may have open at once; None where nobody counts."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def allow_descriptors(wanted: int) -> None:
    """Raise the limit to `wanted`, as far as it can be raised without special rights; it is never lowered.

    Many systems allow 1,024 at first and a multiple of it to who asks, which is as many as slow visitors can take.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
