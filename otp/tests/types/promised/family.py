"""Tasks, their supervisors and programs of the operating system: what type checkers are promised."""

from __future__ import annotations

from typing import Any, assert_type

from otp import OsProcess, Output, Pid, Task, TaskExit, TaskOk, TaskStream, TaskSupervisor, receive


def length(text: str) -> int:
    return len(text)


async def later(text: str) -> bytes:
    return text.encode()


def times(text: str, count: int) -> str:
    return text * count


async def tasks() -> None:
    task = Task.async_(length, "four")
    assert_type(task, Task[int])
    assert_type(await Task.await_(task), int)
    assert_type(await Task.await_(Task.async_(later, "four"), "infinity"), bytes)
    assert_type(await Task.await_many([task, Task.completed(5)]), list[int])
    assert_type(await Task.yield_(task), TaskOk[int] | TaskExit | None)
    assert_type(await Task.shutdown(task, "brutal_kill"), TaskOk[int] | TaskExit | None)
    assert_type(await Task.run_blocking(times, "a", count=3), str)
    assert_type(await Task.start(times, "a", 3, name="times"), Pid)
    assert_type(await Task.start_link(length, "four"), Pid)
    Task.async_(length, 4)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await Task.start(length)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await Task.await_(length)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Task.await_(task)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


async def streams(sup: Pid) -> None:
    async with Task.async_stream(["a", "b"], length, max_concurrency=2) as results:
        async for result in results:
            assert_type(result, TaskOk[int] | TaskExit)
            if isinstance(result, TaskExit):
                assert_type(result.reason, Any)
            else:
                assert_type(result.value, int)
    assert_type(Task.async_stream(["a", "b"], times, 3, on_timeout="kill_task"), TaskStream[str])
    assert_type(Task.async_stream(["a", "b"], later), TaskStream[bytes])
    assert_type(TaskSupervisor.async_stream(sup, ["a"], length, timeout="infinity"), TaskStream[int])
    assert_type(TaskSupervisor.async_stream_nolink(sup, ["a"], later), TaskStream[bytes])
    Task.async_stream([1, 2], length)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    Task.async_stream(["a"], times, "b")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def task_supervisors() -> None:
    sup = await TaskSupervisor.start_link(name="work")
    assert_type(sup, Pid)
    assert_type(await TaskSupervisor.start_child(sup, times, "a", 3, restart="transient"), Pid)
    assert_type(await TaskSupervisor.async_(sup, later, "four"), Task[bytes])
    assert_type(await TaskSupervisor.async_nolink("work", length, "four"), Task[int])
    assert_type(await TaskSupervisor.children(sup), list[Pid])
    await TaskSupervisor.start_child(sup, times, "a")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await TaskSupervisor.async_(sup, length, 4)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]


async def programs() -> None:
    pid = await OsProcess.start_link(["sort", "-u"], env={"LC_ALL": "C"}, shutdown="infinity")
    assert_type(pid, Pid)
    assert_type(await OsProcess.write(pid, "text"), None)
    assert_type(await OsProcess.close_stdin(pid, timeout=None), None)
    assert_type(OsProcess.os_pid(pid), int | None)
    output = await receive(Output)
    assert_type(output.pid, Pid)
    assert_type(output.partial, bool)
    await OsProcess.start_link([1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    await OsProcess.write(pid, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
