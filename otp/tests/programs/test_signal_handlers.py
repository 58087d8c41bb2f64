"""A program that installs a handler of its own decides what a signal does, also inside `otp.run`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.program

UVICORN = """
import asyncio, socket, sys
import otp, uvicorn

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the first ", "more_body": True})
    while not server.should_exit:  # until the signal has arrived
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"and the last part"})

server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))

async def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    try:
        await server.serve(sockets=[listener])
        print("served", flush=True)
        await otp.receive()
    finally:
        print("ended", flush=True)

otp.run(main)
"""

OWN_HANDLER = """
import asyncio, signal
import otp

async def main():
    me, loop = otp.self(), asyncio.get_running_loop()
    handler = lambda number, frame: loop.call_soon_threadsafe(otp.send, me, "term")
    before = signal.signal(signal.SIGTERM, handler)
    print("ready", flush=True)
    print(await otp.receive(), flush=True)
    signal.signal(signal.SIGTERM, before)
    signal.raise_signal(signal.SIGTERM)
    await otp.receive()

otp.run(main)
"""


def test_uvicorn_finishes_its_requests_before_sigterm_ends_the_program() -> None:
    """Regression: the program was shut down at once, and the request with it."""
    with subprocess.Popen([sys.executable, "-c", UVICORN], stdout=-1, stderr=-1, text=True) as program:
        assert program.stdout is not None
        port = int(program.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as client, client.makefile("rb") as answer:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"HTTP/1.1 200" in answer.readline()
            program.send_signal(signal.SIGTERM)
            got = answer.read()
        said, errors = program.communicate()
    assert b"and the last part" in got
    assert ("served\nended\n", "", 0) == (said, errors, program.returncode)


def test_a_handler_that_the_program_installs_takes_the_signal_until_it_restores_the_other() -> None:
    with subprocess.Popen([sys.executable, "-c", OWN_HANDLER], stdout=-1, stderr=-1, text=True) as program:
        assert program.stdout is not None
        assert "ready\n" == program.stdout.readline()
        program.send_signal(signal.SIGTERM)
        said, errors = program.communicate()
    assert ("term\n", "", 0) == (said, errors, program.returncode)
