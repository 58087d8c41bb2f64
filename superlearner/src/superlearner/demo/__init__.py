"""Demo trees to watch and to break: the demo supervisor and the shop."""

from __future__ import annotations

from superlearner.demo.one_for_one import Counter, DemoOneForOne, Printer
from superlearner.demo.shop import Shop

__all__ = ["Counter", "DemoOneForOne", "DemoSupervisor", "Printer", "Shop", "TestDemoSupervisor"]

DemoSupervisor = DemoOneForOne
"""The name of this tree in the original SuperLearner."""

TestDemoSupervisor = DemoOneForOne
"""The name of its second tree, with the same children; each sandbox has names of its own, so they cannot clash."""
