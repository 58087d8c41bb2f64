"""The version of the installed package; its metadata is the only source."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["installed_version"]


def installed_version() -> str:
    """Return the version of the distribution, `"0+unknown"` if its files are used without being installed."""
    try:
        return version("superlearner-otp")
    except PackageNotFoundError:
        return "0+unknown"
