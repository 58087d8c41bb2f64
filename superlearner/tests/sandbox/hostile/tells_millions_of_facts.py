"""Tells two million lists about itself."""

# ends: did not answer at its start: .*source|sent a frame of

from otp import Children, Supervisor
from superlearner.sandbox import inside


def act():
    inside.source_of = lambda module: [[]] * 1_000_000


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
