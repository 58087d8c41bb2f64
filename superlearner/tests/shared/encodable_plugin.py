"""Escape lone surrogates in test output, which an xdist worker cannot send."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

__all__ = ["encodable"]


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    return encodable((yield))


def encodable(value: Any) -> Any:
    r"""Return the value with lone surrogates escaped in every text.

    >>> encodable({"sections": [("log", "caf\udce9")]})
    {'sections': [('log', 'caf\\udce9')]}
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(encodable(item) for item in value)
    return value
