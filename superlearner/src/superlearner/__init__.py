"""The platform: see, steer and learn supervision trees."""

from __future__ import annotations

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version  # costs 20 ms, so only who asks pays

    return version("superlearner")
