"""Demo trees to watch and to break: the demo supervisor and the shop."""

from __future__ import annotations

from superlearner.demo.one_for_one import Counter, DemoOneForOne, Printer
from superlearner.demo.shop import Shop

__all__ = ["Counter", "DemoOneForOne", "Printer", "Shop"]
