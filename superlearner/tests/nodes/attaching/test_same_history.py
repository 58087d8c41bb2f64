"""The history of a service is the same after another attachment, and after a restart of the platform."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from attached_service import ATTACHED, OWNER, attach, wait_for_nodes
from superlearner.store import MomentRow

pytestmark = [pytest.mark.program, pytest.mark.usefixtures("own_sockets")]

NODE = "kiosk@127.0.0.1"
NAMES = ("waiter", "cook", "stove", "stove_sup", "kiosk", "scale", "guest", "lamp", "sign")
OF_A_PROCESS = ("/info", "/errors", "/errors/last", "/errors/patterns", "/errors/why")
OF_STORE = ("restarts", "system/anomalies")
"""The beginnings of paths whose answers are about earlier runs of the program, too."""
NEAR_S = 0.05
PRESENT = frozenset({"active", "description", "lasted_s", "number", "over", "until", "hint"})
"""Fields of an anomaly about the present: it is over some time after it was found."""
OF_ANSWERS = frozenset({"checked_at", "current", "meta", "processes_looked_at", "restarts_used", "timestamp"})
PROGRAM = """
import asyncio, sys
import otp
from otp import Children, GenServer, NoReply, Ok, Reply, Supervisor, impl

timed_out = asyncio.Event()

class Waiter(GenServer):
    @impl
    def init(self, tips):
        return Ok(tips)
    @impl
    def handle_call(self, request, caller, tips):
        return Reply(tips, tips)
    @impl
    async def handle_cast(self, request, tips):
        match request:
            case "drop":
                raise ValueError("a plate fell")
            case "ask", other:
                await GenServer.call(other, "tips", timeout=0.2)
            case "try", other:
                try:
                    await GenServer.call(other, "tips", timeout=1.5)  # a brief hold of the loop explains half of it
                except otp.CallExit:
                    timed_out.set()
            case "wait":
                await timed_out.wait()
                timed_out.clear()
        return NoReply(tips)

class Stove(GenServer):
    gas = True
    @impl
    def init(self, arg):
        if not self.gas:
            raise RuntimeError("no gas")
        return Ok(arg)
    @impl
    def handle_cast(self, error, state):
        raise error

class StoveSupervisor(Supervisor):
    @impl
    def init(self, arg):
        return Children([Stove.child_spec(None, id="stove", name="stove")], max_restarts=0)

class Kiosk(Supervisor):
    @impl
    def init(self, arg):
        waiters = [Waiter.child_spec(0, id=name, name=name) for name in ("waiter", "cook", "scale", "lamp", "sign")]
        return Children([*waiters, StoveSupervisor.child_spec(None, name="stove_sup")], max_restarts=90)

async def main():
    async with otp.Node(NODE) as node, otp.observe(node, permissions=("read", "operate")):
        await node.start(Kiosk, None, name="kiosk")

        async def happens(kind, *requests):
            missing, done = len(requests), asyncio.Event()
            def count(event):
                nonlocal missing
                missing -= 1
                if not missing:
                    done.set()
            subscription = otp.trace.subscribe(node, count, kinds={kind})
            for request in requests:
                GenServer.cast(*request)
            await done.wait()
            subscription.close()

        async def take_place():
            await happens("child_restarted", ("waiter", "drop"))
            GenServer.cast("cook", "wait")
            await happens("call_timed_out", ("waiter", ("try", "cook")))
            await happens("child_restarted", ("waiter", ("ask", "cook")), ("cook", ("ask", "waiter")))
            await happens("child_restarted", ("stove", KeyError("salt")))
            Stove.gas = False
            await Supervisor.terminate_child("stove_sup", "stove")
            try:
                await Supervisor.restart_child("stove_sup", "stove")
            except Exception:
                pass
            Stove.gas = True
            await Supervisor.restart_child("stove_sup", "stove")
            await Supervisor.terminate_child("kiosk", "lamp")
            await node.start(Stove, None, name="guest")
            await happens("exited", ("guest", ZeroDivisionError("a bill for none")))
            await happens("child_restarted", ("stove", OSError("the pan burns")))

        print("ready", flush=True)
        while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            await take_place()

asyncio.run(main())
""".replace("NODE", repr(NODE))


@dataclass(frozen=True, eq=False)
class NearTime:
    """A time in seconds since 1970; each attachment measures it."""

    at: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NearTime) and abs(self.at - other.at) < NEAR_S


class Kiosk:
    """The service, in a program that outlives platforms."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.program = subprocess.Popen(
            (sys.executable, "-c", PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"], "PATH": os.environ["PATH"]},
            text=True,
        )
        assert self.program.stdout is not None and self.program.stdout.readline() == "ready\n"

    def stop(self) -> None:
        with self.program:
            self.program.kill()

    def make_history(self) -> None:
        print(file=self.program.stdin, flush=True)


@pytest.fixture
def kiosk() -> Iterator[Kiosk]:
    found = Kiosk()
    yield found
    found.stop()


async def take_place(platform: Any, kiosk: Kiosk) -> None:
    """Have the service make its history, and wait until the platform has stored it."""
    missing = ["stove_sup gave up", "stove_sup gave up", "scale was killed", "stove_sup could not start", "guest"]
    missing += ["lamp was stopped on request", "sign was stopped on request"]
    stored = asyncio.Event()

    def check_off(row: MomentRow) -> None:
        found = next((one for one in missing if row.line.startswith(one)), None)
        if found is not None:
            missing.remove(found)
        if not missing:
            stored.set()

    platform.platform.moments.on_moment = check_off
    killed = await platform.client.delete("/api/v1/processes/scale", params={"node": NODE}, headers=OWNER)
    assert killed.status_code == 200, killed.text
    path = "/api/v1/supervisors/kiosk/children/sign/terminate"
    stopped = await platform.client.post(path, params={"node": NODE}, headers=OWNER)
    assert stopped.status_code == 200, stopped.text
    kiosk.make_history()
    await stored.wait()


async def read_all(platform: Any) -> dict[str, Any]:
    """Return what each place says about the history of the service."""
    paths = [f"processes/{name}{of}" for name in NAMES for of in OF_A_PROCESS]
    paths += [f"restarts?process={name}" for name in NAMES]
    paths += ["supervisors", "restarts", "restarts?fold=false", "errors", "errors?fold=false"]
    paths += ["system/anomalies?ended=true"]
    listed = (await ask(platform, "restarts?fold=false"))["data"]
    paths += [f"restarts/{one['ref']}" for one in listed if not is_about_program(one)]
    return {leaf: value for path in paths for leaf, value in find_leaves(await ask(platform, path), path)}


async def ask(platform: Any, path: str) -> Any:
    chosen = f"{path}{'&' if '?' in path else '?'}node={NODE}"
    return (await platform.client.get(f"/api/v1/{chosen}", headers=OWNER)).json()


def is_about_program(line: Any) -> bool:
    """Return whether a restart is about the attachment, and not about a process of the service."""
    return isinstance(line, dict) and str(line.get("line")).startswith((NODE, "the platform did not run"))


def name_of(item: Any) -> str | None:
    """Return what tells an item of a list from others if its place may change; None for others."""
    if not isinstance(item, dict):
        return None
    return f"{item['past']}" if "severity" in item else item.get("ref")


def find_leaves(found: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the values in an answer by their paths, without what may change: the present, and seconds in a text."""
    match found:
        case dict():
            left_out = PRESENT if "severity" in found else OF_ANSWERS
            for name, value in found.items():
                if name not in left_out and not (name == "summary" and isinstance(value, dict)):
                    yield from find_leaves(value, f"{path} {name}")
        case list():
            for place, one in enumerate(one for one in found if not is_about_program(one)):
                yield from find_leaves(one, f"{path} {name_of(one) or place}")
        case float():
            yield path, NearTime(found)
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", found):
            yield path, NearTime(datetime.fromisoformat(found).timestamp())
        case str():
            yield path, re.sub(r"\b\d\d:\d\d:\d\d\b", "a time", found)
        case _:
            yield path, found


async def attach_again(platform: Any) -> None:
    await platform.client.delete(f"{ATTACHED}/{NODE}", headers=OWNER)
    assert (await attach(platform, NODE)).status_code == 200


def compare(before: dict[str, Any], after: dict[str, Any], beginnings: tuple[str, ...] = ("",)) -> None:
    """Check that all leaves of before are there, in answers to paths with these beginnings."""
    of = [path for path in before if path.startswith(beginnings)]
    assert [f"{path}: {before[path]}, then {after.get(path)}" for path in of if after.get(path) != before[path]] == []


@pytest.mark.operation("error.history", "error.why", "process.info", "restart.list", "restart.show", "system.anomalies")
@pytest.mark.parametrize("again", ["attachment", "platform", "service"])
def test_history_survives_another(inside: Callable[..., Any], tmp_path: Path, kiosk: Kiosk, again: str) -> None:
    """Regression: start times were lost; lists began again without a word of what is stored."""
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    before: dict[str, Any] = {}

    async def first(platform: Any) -> None:
        assert (await attach(platform, NODE)).status_code == 200
        await take_place(platform, kiosk)
        before.update(await read_all(platform))
        if again == "attachment":
            await attach_again(platform)
            compare(before, await read_all(platform))
        elif again == "service":
            await platform.platform.anomaly_history.read()  # those found after the last read end with the program
            kiosk.stop()
            await wait_for_nodes(platform, lambda names: NODE not in names)
            kiosk.start()
            await wait_for_nodes(platform, lambda names: NODE in names)
            compare(before, await read_all(platform), OF_STORE)
            last = "stove crashed: OSError('the pan burns'), at <string>:"
            assert any(f"stove_sup gave up twice; the last time: {last}" in path for path in before)
            note = (await ask(platform, "processes/waiter/errors"))["meta"]["note"]
            assert note.endswith(f"; `superlearner restart list --process waiter --node {NODE}` lists what is stored")
            found = (await ask(platform, "system/anomalies"))["data"]
            assert (found["anomalies"], found["past"]) == (
                [], f"`superlearner system anomalies --ended --node {NODE}` lists past anomalies",
            )  # fmt: skip

    async def second(platform: Any) -> None:
        await wait_for_nodes(platform, lambda names: NODE in names)
        compare(before, await read_all(platform))

    inside(first, data_dir=data_dir)
    if again == "platform":
        inside(second, data_dir=data_dir)
