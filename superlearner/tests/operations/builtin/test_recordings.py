"""Recordings over HTTP: read in steps, kept after the end, and exported."""

from __future__ import annotations

import asyncio
import base64
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp

Inside = Callable[..., Any]
AT = "/api/v1/recordings"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


async def post(platform: Any, path: str, body: Any = None) -> Any:
    return await platform.client.post(f"{AT}{path}", json=body or {})


async def data(platform: Any, path: str = "") -> Any:
    return (await platform.get(f"{AT}{path}"))["data"]


async def kill(platform: Any, name: str) -> None:
    given = {"reason": "kill", "force": True}
    killed = await platform.client.delete(f"/api/v1/processes/{name}", params=given, headers=OWNER)
    assert killed.status_code == 200, killed.text
    await platform.node.wait_registered(name)


async def file_of(platform: Any, name: str) -> bytes:
    return base64.b64decode((await data(platform, f"/{name}/file"))["content"])


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.operation(
    "recording.start", "recording.stop", "recording.list", "recording.show", "recording.timeline", "recording.moment",
    "recording.export", "recording.load", "recording.delete",
)  # fmt: skip
def test_a_recording_is_created_read_exported_and_kept(inside: Inside, tmp_path: Path) -> None:
    async def first(platform: Any) -> bytes:
        assert (await post(platform, "?dry_run=true", {"name": "morning"})).json()["data"]["dry_run"] is True
        assert await data(platform) == []
        begun = (await post(platform, "", {"name": "morning"})).json()["data"]
        assert (begun["recording"], begun["kind"]) == (True, "recorded")
        assert len(await data(platform, f"?node={platform.node.name}")) == 1
        assert await data(platform, "?node=shop@127.0.0.1") == []
        assert code(await post(platform, "", {"name": "morning"})) == (409, "name_taken")
        await kill(platform, "counter_1")
        during = await data(platform, "/morning")
        assert (during["recording"], during["complete"]) == (True, False)
        assert code(await platform.client.delete(f"{AT}/morning")) == (409, "conflict")
        ended = (await post(platform, "/morning/stop")).json()["data"]
        assert (ended["recording"], ended["events"] > 5, ended["size"] > 100) == (False, True, True)
        assert code(await post(platform, "/morning/stop")) == (404, "recording_not_found")

        shown = await data(platform, "/morning")
        assert (shown["complete"], shown["problem"], shown["read_events"]) == (True, None, ended["events"])
        (exited,) = [
            one for one in await data(platform, "/morning/events?kind=exited") if one["data"]["name"] == "counter_1"
        ]
        assert exited["data"]["reason"] == "killed"
        (restarted,) = await data(platform, "/morning/events?kind=child_restarted")
        after = await data(platform, f"/morning/moments/{exited['place']}")
        later = await data(platform, f"/morning/moments/{restarted['place']}")
        assert after["event"]["seq"] == exited["seq"]
        assert "counter_1" not in {one["name"] for one in after["processes"]}
        (counter,) = [one for one in later["processes"] if one["name"] == "counter_1"]
        assert (counter["supervisor"], counter["pid"]) == (restarted["pid"], restarted["data"]["child"].strip("<>"))
        file = await file_of(platform, "morning")
        loaded = await post(platform, "/file", {"name": "copy", "content": base64.b64encode(file).decode()})
        assert (loaded.json()["data"]["kind"], loaded.json()["data"]["events"]) == ("loaded", ended["events"])
        await post(platform, "", {"name": "open end", "messages": False})  # refused: names have no spaces
        assert (await post(platform, "", {"name": "open.end", "messages": False})).status_code == 200
        await kill(platform, "counter_2")
        return file

    async def second(platform: Any) -> None:
        assert [one["name"] for one in await data(platform)] == ["open.end", "copy", "morning"]
        assert (await data(platform, "/open.end"))["complete"] is True  # the platform finished it
        assert await file_of(platform, "copy") == file
        for name in ("morning", "copy", "open.end"):
            assert (await platform.client.delete(f"{AT}/{name}")).json()["data"] == {"name": name, "deleted": True}
        assert await data(platform) == []
        assert list((tmp_path / "recordings").iterdir()) == []

    file = inside(first, data_dir=tmp_path)
    inside(second, data_dir=tmp_path)


def test_the_error_explains_why_a_file_is_not_a_recording(inside: Inside, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl.gz"

    async def record() -> None:
        with otp.trace.record(otp.trace.node_of(otp.self()), path, kinds=otp.trace.LIFECYCLE):
            for _ in range(50):
                otp.spawn(lambda: None)
            await otp.wait_down(otp.spawn(lambda: None))

    otp.run(record)
    whole = path.read_bytes()
    first = gzip.decompress(whole).splitlines(keepends=True)[0]
    hostile = {
        "nothing of ours": b"hello",
        "another format": gzip.compress(b'{"format":"otp-recording/99","node":"x","io":"real"}\n'),
        "cut off": whole[: len(whole) // 2],
        "changed": gzip.compress(gzip.decompress(whole).replace(b'"exited"', b'"edited"')),
        "a bomb": gzip.compress(first + b'{"process":"' + b"a" * 3_000_000),
        "huge numbers": gzip.compress(first + b'{"seq":' + b"9" * 5000 + b"}\n"),
        "deep": gzip.compress(first + b"[" * 100_000 + b"\n"),
    }

    async def test(platform: Any) -> None:
        for what, content in hostile.items():
            answer = await post(platform, "/file", {"name": "bad", "content": base64.b64encode(content).decode()})
            assert code(answer) == (422, "validation_error"), what
        assert code(await post(platform, "/file", {"name": "bad", "content": "%%%"})) == (422, "validation_error")
        huge = await post(platform, "/file", {"name": "bad", "content": "A" * 1_100_000})
        assert code(huge) == (413, "body_too_large")
        part = {"name": "part", "content": base64.b64encode(hostile["cut off"]).decode(), "damaged": True}
        assert (await post(platform, "/file", part)).status_code == 200
        shown = await data(platform, "/part")
        assert (shown["complete"], "cut off" in shown["problem"]) == (False, True)
        assert [one["name"] for one in await data(platform)] == ["part"]

    inside(test, data_dir=tmp_path)


def test_simultaneous_starts_respect_the_limit(inside: Inside, tmp_path: Path) -> None:
    async def test(platform: Any) -> None:
        answers = await asyncio.gather(*(post(platform, "", {"name": f"r{n}", "messages": False}) for n in range(10)))
        assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 7
        assert sum(line["recording"] for line in await data(platform)) == 3

    inside(test, data_dir=tmp_path)


def test_simultaneous_readers_share_a_loaded_recording(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Contents are held in memory: a hundred megabytes for a file made to be large."""
    load, paths = otp.trace.load, list[Any]()

    def counted(path: Any, **options: Any) -> Any:
        paths.append(path)
        return load(path, **options)

    async def test(platform: Any) -> None:
        await post(platform, "", {"name": "one"})
        await post(platform, "/one/stop")
        monkeypatch.setattr(otp.trace, "load", counted)
        shown = await asyncio.gather(*(data(platform, "/one") for _ in range(5)))
        assert (len(paths), {one["complete"] for one in shown}) == (1, {True})

    inside(test, data_dir=tmp_path)


def test_without_a_data_directory_nothing_is_recorded(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert (await post(platform, "", {"name": "nowhere"})).status_code == 503

    inside(test)


def test_a_recording_holds_no_state_of_the_recorder_itself(inside: Inside, tmp_path: Path) -> None:
    """Regression: with states, it held those of the tracer and the store, with the folders of the machine."""

    async def test(platform: Any) -> None:
        assert (await post(platform, "", {"name": "all", "states": True})).status_code == 200
        for service in ("tracer", "store"):
            await kill(platform, service)
        await post(platform, "/all/stop")
        lines = gzip.decompress(await file_of(platform, "all")).decode()
        assert "{'traces': 0, 'recordings': ['all']}" in lines
        assert [] == [word for word in (str(tmp_path), "superlearner.db", "Recordings(", "Store(") if word in lines]

    inside(test, data_dir=tmp_path)
