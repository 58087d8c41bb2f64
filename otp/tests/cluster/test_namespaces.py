"""Members on machines of their own: all others see which are lost, stopped and cut off, and nothing is left."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tools.certificate_authority import Authority

from lan_of_namespaces import Lan
from member_programs import MemberPrograms

pytestmark = [pytest.mark.program]

TWELVE = 12
TWENTY = 20
HASTY = {"heartbeat": 0.5, "dead": 2.5}
USUAL = {"heartbeat": 1.0, "dead": 6.0}


class Machines:
    """A member on each machine of a network, named by its address, with certificates for both directions."""

    def __init__(self, lan: Lan, programs: MemberPrograms, folder: Path) -> None:
        self.lan, self.programs = lan, programs
        self.dead = programs.settings["dead"]
        self._cookie = secrets.token_hex(16)
        authority = Authority(folder)
        self._tls = {host: authority.member(host, host=host) for host in lan.hosts}

    async def start(self, host: str, **others: Any) -> None:
        tls = self._tls[host]
        await self.programs.start(
            host, self.lan.machines[host].inside,
            cookie=self._cookie, listen=host, multicast="eth0", tls=[tls.ca, tls.cert, tls.key], **others,
        )  # fmt: skip

    def begin(self) -> tuple[float, dict[str, float]]:
        """Return the time, and how long each member has waited for a core."""
        return time.monotonic(), {host: program.waited() for host, program in self.programs.programs.items()}

    async def agree(self, since: tuple[float, dict[str, float]], within: float, *groups: list[str]) -> None:
        """All of each group see the group, and the last of them in time, by a clock that no busy machine stops."""
        begun, before = since
        took = await self.programs.agree(*groups) - begun
        waited = max(self.programs.programs[host].waited() - before[host] for group in groups for host in group)
        assert took <= within + waited, f"{took:.2f} s, of which a member waited for a core {waited:.2f} s"

    async def form(self) -> None:
        await asyncio.gather(*(self.start(host) for host in self.lan.hosts))
        await self.programs.agree(self.lan.hosts)

    async def lose_one(self, host: str) -> None:
        """Kill a member, which returns as another incarnation."""
        rest = [other for other in self.lan.hosts if other != host]
        killed = self.begin()
        await self.programs.kill(host)
        await self.agree(killed, self.dead + 1, rest)
        await self.start(host)
        await self.programs.agree(self.lan.hosts)

    async def stop_one(self, host: str) -> None:
        """Stop a member for longer than `dead`, and let it go on."""
        rest = [other for other in self.lan.hosts if other != host]
        stopped = self.begin()
        self.programs.programs[host].signal(signal.SIGSTOP)
        await self.agree(stopped, self.dead + 1, rest)
        woken = self.begin()
        self.programs.programs[host].signal(signal.SIGCONT)
        await self.agree(woken, self.dead + 1, self.lan.hosts)

    async def lose_three(self, killed: str, stopped: str, unplugged: str) -> None:
        """Lose three members at once, each in another way, and let all of them come back."""
        rest = [host for host in self.lan.hosts if host not in (killed, stopped, unplugged)]
        lost = self.begin()
        self.lan.unplug(unplugged)
        self.programs.programs[stopped].signal(signal.SIGSTOP)
        await self.programs.kill(killed)
        await self.agree(lost, self.dead + 1, rest, [unplugged])
        self.lan.plug(unplugged)
        self.programs.programs[stopped].signal(signal.SIGCONT)
        await self.start(killed)
        await self.programs.agree(self.lan.hosts)

    async def part(self, quiet: float = 0.0) -> None:
        """Cut the network into halves, in which nothing changes for a time, and heal it."""
        cut = self.begin()
        self.lan.cut()
        await self.agree(cut, self.dead + 1, *self.lan.halves())
        await self.programs.unchanged(quiet)
        healed = self.begin()
        self.lan.heal()
        await self.agree(healed, self.dead + 2, self.lan.hosts)

    async def roll(self) -> None:
        """Restart the members, one after the other."""
        for host in self.lan.hosts:
            assert [0] == await self.programs.leave([host])
            await self.programs.agree([other for other in self.lan.hosts if other != host])
            await self.start(host)
            await self.programs.agree(self.lan.hosts)

    async def refuse_another_version(self, host: str) -> None:
        """Replace a member with one of another version; the others refuse it."""
        rest = [other for other in self.lan.hosts if other != host]
        assert [0] == await self.programs.leave([host])
        await self.programs.agree(rest)
        await self.start(host, protocol=99)
        other = self.programs.programs[host]
        await self.programs.until(lambda: bool(other.events), "a refusal")
        ((kind, (why, what, *_)),) = other.events
        assert ("refused", "incompatible", "membership") == (kind, why, what)
        assert 0 == await other.process.wait()
        await self.programs.agree(rest)
        await self.start(host)
        await self.programs.agree(self.lan.hosts)

    @asynccontextmanager
    async def flood(self, source: str, target: str) -> AsyncIterator[None]:
        """Flood a member from another machine, as a stranger without a certificate."""
        command = self.lan.machines[source].inside(
            sys.executable, "-c", FLOOD, target, *map(str, self.lan.machines[target].ports())
        )
        stranger = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            yield
        finally:
            sent, _ = await stranger.communicate(b"")  # closes its input
        assert int(sent) > 1_000_000

    async def end(self) -> None:
        assert {0} == set(await self.programs.leave(self.lan.hosts))
        assert [] == self.lan.sockets()
        assert [] == list(self.programs.scratch.iterdir())
        kept = {name for host in self.lan.hosts for name in (host, f"{host}.lock")}
        assert kept == {path.name for path in self.programs.kept.iterdir()}


FLOOD = """
import select, socket, sys

host, *ports = sys.argv[1:]
sent = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for port in ports:
        try:
            with socket.create_connection((host, int(port)), timeout=5) as one:
                for number in range(50):
                    sent += one.send((1 << 24).to_bytes(4, "big") + b"x" * 60_000)
        except OSError:
            pass
print(sent)
"""


def on_machines(count: int, tmp_path: Path, settings: dict[str, float], test: Any) -> None:
    """Run a test on machines; nothing of it is left."""
    me = psutil.Process()
    before = me.num_fds(), me.children(recursive=True)
    lan = Lan(count)

    async def main() -> None:
        async with MemberPrograms(tmp_path, settings) as programs:
            await test(Machines(lan, programs, tmp_path))

    with lan:
        asyncio.run(main())
    assert [] == lan.left()
    assert before == (me.num_fds(), me.children(recursive=True))


def test_members_on_two_machines_find_each_other_by_multicast(tmp_path: Path) -> None:
    async def main(m: Machines) -> None:
        await m.form()
        await m.end()

    on_machines(2, tmp_path, HASTY, main)


def test_members_on_twelve_machines_agree_after_each_fault(tmp_path: Path) -> None:
    async def main(m: Machines) -> None:
        await m.form()
        await m.lose_one(m.lan.hosts[3])
        await m.stop_one(m.lan.hosts[7])
        await m.part()
        await m.end()

    on_machines(TWELVE, tmp_path, HASTY, main)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twenty_members_lose_three_in_three_ways_and_all_come_back(tmp_path: Path) -> None:
    async def main(m: Machines) -> None:
        await m.form()
        await m.lose_three(m.lan.hosts[3], m.lan.hosts[10], m.lan.hosts[16])
        await m.part()
        await m.end()

    on_machines(TWENTY, tmp_path, USUAL, main)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_members_with_the_usual_settings_agree_after_each_fault_of_many(tmp_path: Path) -> None:
    async def main(m: Machines) -> None:
        await m.form()
        for place in range(4):
            await m.lose_one(m.lan.hosts[place])
            await m.stop_one(m.lan.hosts[-place - 1])
            await m.part(quiet=15.0 * place)
        await m.end()

    on_machines(TWELVE, tmp_path, USUAL, main)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twelve_members_restart_one_after_the_other_while_a_stranger_floods_one(tmp_path: Path) -> None:
    async def main(m: Machines) -> None:
        await m.form()
        async with m.flood(m.lan.hosts[9], m.lan.hosts[0]):
            await m.programs.unchanged(2 * m.dead)
        async with m.flood(m.lan.hosts[9], m.lan.hosts[11]):
            await m.refuse_another_version(m.lan.hosts[4])
        await m.roll()
        await m.lose_one(m.lan.hosts[3])
        await m.stop_one(m.lan.hosts[7])
        await m.part()
        await m.end()

    on_machines(TWELVE, tmp_path, USUAL, main)
