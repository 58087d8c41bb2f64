"""Says that its supervisor is something that steers a terminal and a page."""

# ends: did not answer at its start: .*supervisor_pid

from otp import Children, Supervisor
from superlearner.sandbox import inside


def act():
    inside.plain_pid = lambda pid: "\x1b[2J<script>alert(1)</script>"


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
