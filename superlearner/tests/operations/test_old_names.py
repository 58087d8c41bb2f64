"""Plug-ins can still import the old names from the package `arsenal`."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize("module", ["context", "declaration", "failures", "parameters", "targets"])
def test_the_old_modules_have_the_same_names(module: str) -> None:
    old, new = (importlib.import_module(f"superlearner.{package}.{module}") for package in ("arsenal", "operations"))
    assert sorted(old.__all__) == sorted(new.__all__)
    assert all(getattr(old, name) is getattr(new, name) for name in new.__all__)
