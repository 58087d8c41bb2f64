"""A running peer, as its supervising process sees it: input from guard and peer, and its limits.

Events of the loop are handled here immediately; the process receives only `Note("ready")` and `Note("ended")`. A peer
that sends as fast as it can does not fill a mailbox.
"""

# What a peer says has no type.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from otp.kernel.ends.mailbox import deliver
from otp.kernel.values.process import Process
from otp.peer.ended import Ended, Kind, tell_end
from otp.peer.frames import BadFrame, Frames, send_frame
from otp.peer.launch import Launched, order_bytes
from otp.peer.linking import new_cookie
from otp.peer.meter import processor_s, waits_for_processor
from otp.peer.output import Output
from otp.peer.spec import PeerSpec
from otp.peer.walls.plan import Part, Wall, WallMissing, walls_of
from otp.peer.walls.probing import make_plan
from otp.standstill import SilenceLimit

__all__ = ["Note", "Running", "no_room"]

READ: Final = 1 << 16
PER_SECOND: Final = 256 << 10
"""Bytes of control frames per second above which a peer counts as hostile; others send 100."""


LEAST_SHARE: Final = 0.25
"""The share of a core below which a silent peer may only have waited for the processor."""
PATIENCE_S: Final = 15.0
"""Seconds for a guard to end its peer and report; it may have to remove a folder of many files."""


class Note(NamedTuple):
    """A message to the process of a peer: `"ready"` or `"ended"`."""

    what: str


class Running:
    """A running peer; all methods are called in the thread of the loop.

    Args:
        spec: its spec.
        launched: its guard.
        process: the process to notify.
    """

    def __init__(self, spec: PeerSpec, launched: Launched, process: Process) -> None:
        self.spec = spec
        self.os_pid: int | None = None
        self.parts: tuple[Part, ...] = ()
        self.walls: dict[str, Wall] = {}
        self.folder: str = launched.make_folder()
        self.folder_outside: str = self.folder
        self.output: Output = Output()
        self.is_ready: bool = False
        self.ended: Ended | None = None
        self.missing: WallMissing | None = None
        self.link: socket.socket | None = launched.link
        self.cookie: bytes = new_cookie()
        self._launched = launched
        self._process = process
        self._loop = process.runtime.scheduler.loop
        self._guard_frames = Frames()
        self._control_frames = Frames()
        self._ours: tuple[Kind, str] | None = None
        self._last_word: dict[str, Any] | None = None
        self._held: dict[str, Any] | None = None
        self._used = 0.0
        """The processor time that it reported with its last sign of life."""
        self._printed = ""
        self._pidfd = -1
        self._second = 0
        self._in_second = 0
        self._timers: dict[str, SilenceLimit] = {}

    def __repr__(self) -> str:
        return f"<peer {self.spec.name} {self.os_pid}>"

    # The beginning

    async def begin(self) -> None:
        """Send the order to the guard. Raises `BadArgument` for arguments that cannot be sent, `OSError`."""
        spec, launched = self.spec, self._launched
        walls = spec.walls
        order = order_bytes(
            {
                "name": spec.name,
                "boot": spec.boot,
                "args": spec.args,
                "files": {name: data.encode() if isinstance(data, str) else data for name, data in spec.files.items()},
                "limits": asdict(spec.limits),
                "env": dict(spec.env),
                "cookie": self.cookie,
                "cwd": spec.cwd,
                "folder": launched.folder,
                "plan": None if walls is None else make_plan(walls, spec.limits, launched.folder),
            }
        )
        self._loop.add_reader(launched.guard.fileno(), self._receive_from_guard)
        self._loop.add_reader(launched.control.fileno(), self._receive_from_peer)
        self._loop.add_reader(launched.output, self._receive_output)
        limits = spec.limits
        self._after("start", limits.start_s, self._end_late)
        if limits.wall_s is not None:
            late = f"ran longer than {limits.wall_s:g} s by the clock"
            self._after("wall", limits.wall_s, lambda: self.kill("wall", late))
        with contextlib.suppress(ConnectionError):  # the end of its connection reports it
            await self._loop.sock_sendall(launched.guard, order)

    def _after(self, what: str, seconds: float, act: Callable[[], object]) -> None:
        self._forget(what)
        self._timers[what] = SilenceLimit(self._loop, seconds, act)

    def _forget(self, what: str) -> None:
        timer = self._timers.pop(what, None)
        if timer is not None:
            timer.cancel()

    def take_link(self) -> socket.socket | None:
        """Return our end of the connection of its node, once; the caller has to close it."""
        link, self.link, self._launched.link = self.link, None, None
        return link

    # Messages of the guard, which are trusted

    def _receive_from_guard(self) -> None:
        data = _received(self._launched.guard)
        if data is None:
            return
        told: dict[str, Any] | None = None
        for message in self._guard_frames.feed(data):
            match message:
                case {"what": "born", "pid": int(pid)}:
                    self._launched.pid = pid
                case {"what": "forked", "pid": int(pid)}:
                    self._handle_fork(pid)
                case {"what": "failed", "why": str(why)}:
                    self._ours = self._ours or ("failed", f"could not start: {why}")
                case {"what": "unavailable", "why": str(why)}:
                    self._ours = self._ours or ("unavailable", no_room(why))
                case {"what": "ended"}:
                    told = message
                case _:
                    pass
        if told is not None or not data:
            self._over(told)

    def _handle_fork(self, pid: int) -> None:
        self.os_pid = pid
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # it has already ended
                self._pidfd = os.pidfd_open(pid)
        if self.spec.limits.hold_s is not None and self.ended is None:
            self._after("hold", self.spec.limits.hold_s, self._end_silent)

    # Messages of the peer, which are not trusted

    def _receive_from_peer(self) -> None:
        data = _received(self._launched.control)
        if data is None:
            return
        if not data:
            self._loop.remove_reader(self._launched.control.fileno())
            return
        second = int(self._loop.time())
        self._in_second = len(data) + (self._in_second if second == self._second else 0)
        self._second = second
        try:
            messages = self._control_frames.feed(data)
            if self._in_second > PER_SECOND:
                raise BadFrame(f"expected some bytes a second, got {self._in_second}")
            for message in messages:
                self._handle_message(message)
        except BadFrame as error:
            self._loop.remove_reader(self._launched.control.fileno())
            self.kill("nonsense", f"spoke nonsense over its control connection: {error}"[:300])

    def _handle_message(self, message: dict[str, Any]) -> None:
        match message:
            case {"what": "beat"}:
                if (hold := self._timers.get("hold")) is not None:
                    hold.renew()
                self._used = used if type(used := message.get("used")) is float else 0.0
                self._held = None
            case {"what": "walls", "parts": list(parts), "folder": str(folder)} if not self.parts:
                self._handle_walls(parts, folder)
            case {"what": "ready"} if not self.is_ready and self.ended is None:
                self.is_ready = True
                self._forget("start")
                deliver(self._process, Note("ready"))
            case {"what": "held", "file": str(), "line": int(), "function": str()}:
                self._held = message
            case {"what": "printed", "file": str(file), "line": int(line)}:
                self._printed = f", most of it at {file}:{line}"[:300]
            case {"what": "failed", "type": str(), "why": str()} | {"what": "leaving", "how": str()}:
                self._last_word = message
            case _:
                raise BadFrame(f"expected a sign of life, got {message!r:.100}")

    def _handle_walls(self, parts: list[Any], folder: str) -> None:
        """Handle the first message of a peer, sent before its program was read: it is trusted."""
        self.folder = folder
        self.parts = tuple(Part(**part) for part in parts)
        self.walls = walls_of(self.parts) if self.spec.walls is not None else {}
        missing = [] if self.spec.walls is None else self.spec.walls.missing(self.walls)
        if missing:
            self.missing = WallMissing(missing)
            self.kill("walls", str(self.missing))

    def _end_late(self) -> None:
        """End a peer that is not ready in time, unless it lacked the processor: then it gets as long again."""
        seconds = self.spec.limits.start_s
        if self._starves(seconds):
            self._after("start", seconds, self._end_late)
        else:
            self.kill("late", f"was not ready within {seconds:g} s")

    def _end_silent(self) -> None:
        """End a peer whose loop is held for too long, unless it lacked the processor: then it gets as long again."""
        hold = self.spec.limits.hold_s
        assert hold is not None
        if self._starves(hold):
            self._after("hold", hold, self._end_silent)
            return
        reason = f"did not answer for {hold:g} s"
        if self._held is not None:
            reason += f": its loop is held at {self._held['file']}:{self._held['line']} {self._held['function']}"
        self.kill("held", reason[:500])

    def _starves(self, seconds: float) -> bool:
        """Return whether it was ready to run, but got too little processor time in these seconds."""
        pid = self.os_pid
        if pid is None or not waits_for_processor(pid):
            return False
        return 0 <= processor_s(pid) - self._used < LEAST_SHARE * seconds

    # Output

    def _receive_output(self) -> None:
        try:
            data = os.read(self._launched.output, READ)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._launched.output)
            return
        self.output.add(data)
        if self.spec.on_output is not None:
            self.spec.on_output(data)
        if self.output.total > self.spec.limits.output_kb * 1024:
            self._loop.remove_reader(self._launched.output)
            self._receive_from_peer()  # it may have told which line prints
            self.kill("output", f"wrote more than {_size(self.spec.limits.output_kb)} of output{self._printed}")

    def _drain_output(self) -> None:
        """Read what is left in the pipe at the end."""
        if self._launched.output >= 0:
            with contextlib.suppress(OSError):
                while data := os.read(self._launched.output, READ):
                    self.output.add(data)
                    if self.output.total > self.spec.limits.output_kb * 1024:
                        break

    # The end

    def ask_to_stop(self, seconds: float) -> None:
        """Ask the peer to shut down, and kill it if it is still running after `seconds`."""
        with contextlib.suppress(OSError):
            send_frame(self._launched.control, {"what": "stop"})
        self._after("stop", seconds, lambda: self.kill("killed", f"did not stop within {seconds:g} s and was killed"))

    def kill(self, kind: Kind, reason: str) -> None:
        """End the peer and all that it started, for `reason`; the first reason counts."""
        self._ours = self._ours or (kind, reason)
        with contextlib.suppress(OSError):  # the guard takes this as our death
            self._launched.guard.shutdown(socket.SHUT_WR)
        if "guard" not in self._timers:
            self._after("guard", PATIENCE_S, self._kill_guard)

    def _kill_guard(self) -> None:
        """Kill a guard that is stopped or hangs: the kernel ends the peer with it, and the connection reports it."""
        launched = self._launched
        pid = launched.pid if launched.program is None else launched.program.pid
        if pid is not None and launched.is_alive():  # else the number may have been reused
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _over(self, report: dict[str, Any] | None) -> None:
        if self.ended is not None:
            return
        if report is None:
            self._kill_without_guard()
        self._receive_from_peer()  # its last message
        self._drain_output()
        spec, word = self.spec, self._last_word
        walled = spec.walls is not None
        self.ended = tell_end(
            report,
            spec.limits,
            ours=self._ours,
            last_word=word,
            ready=self.is_ready,
            walled=walled,
            output=self.output.text(),
        )
        self._let_go()
        deliver(self._process, Note("ended"))

    def _kill_without_guard(self) -> None:
        """Finish after the guard was killed, with which the kernel kills the peer; kill what is left."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        elif self.os_pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.os_pid, signal.SIGKILL)

    def _let_go(self) -> None:
        launched = self._launched
        for what in list(self._timers):
            self._forget(what)
        for fd in (launched.guard.fileno(), launched.control.fileno(), launched.output):
            if fd >= 0:
                self._loop.remove_reader(fd)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        launched.close()
        self.link = None

    def destroy(self, process: Process | None = None) -> None:
        """Remove everything immediately, after the supervising process was killed."""
        if self.ended is None and not self._loop.is_closed():
            self.ended = Ended("killed", "its supervising process was killed")
            self._drain_output()
            self._let_go()


def no_room(why: object) -> str:
    """Return the text that says why a peer cannot be started at present."""
    return f"could not start: out of resources: {why}"


def _received(connection: socket.socket) -> bytes | None:
    """Return the received data; empty at the end; None if there is none."""
    try:
        return connection.recv(READ)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _size(kib: int) -> str:
    return f"{kib / 1024:g} MiB" if kib >= 1024 else f"{kib} KiB"
