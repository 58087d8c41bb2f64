"""Log lines in memory and on the terminal, as text or JSON, without secrets."""

from __future__ import annotations

import errno
import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import otp
from otp import Children, DynamicSupervisor, GenServer, NoReply, Ok, Registry, Supervisor, impl
from superlearner.observing.logs import ACCESS, JsonFormatter, LogLine, LogView, TerminalLog, TextFormatter
from superlearner.settings.settings import Settings

TOKEN = "Zx9-owner-token-of-this-platform-0123456789"
PERSONAL = "sl_" + "k" * 43


def is_token(word: str) -> bool:
    return word == TOKEN


@pytest.fixture
def view() -> Iterator[LogView]:
    view = LogView(kept=5, is_secret=is_token)
    view.open()
    yield view
    view.close()


class Till(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok({"password": "hunter2"})

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        if request == "crash":
            raise ValueError(f"refused for token={TOKEN}")
        logging.getLogger("shop").warning("sold %s", request)
        return NoReply(state)


class Shop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Till.child_spec(name="till")])


def test_a_line_names_its_process_and_its_supervisor(view: LogView) -> None:
    async def main() -> str:
        await Shop.start_link(name="shop")
        till = otp.whereis("till")
        assert till is not None
        GenServer.cast(till, "apples")
        await otp.sys.get_state(till)
        return str(till).strip("<>")

    pid = otp.run(main)
    (line,) = [line for _, line in view.lines() if line.logger == "shop"]
    assert (line.level, line.text, line.pid, line.name, line.supervisor) == (
        "warning", "sold apples", pid, "till", "shop",
    )  # fmt: skip


def test_a_crash_is_one_line_with_its_fields_and_traceback(view: LogView) -> None:
    async def main() -> None:
        await Shop.start_link(name="shop")
        till = otp.whereis("till")
        GenServer.cast("till", "crash")
        await otp.wait_down(till)
        await otp.node().wait_registered("till")

    otp.run(main)
    (line,) = [line for _, line in view.lines() if line.report == "crash"]
    assert (line.name, line.supervisor, line.fields["otp_callback"]) == ("till", "shop", "handle_cast")
    assert line.traceback is not None and "in handle_cast" in line.traceback
    assert "hunter2" not in str(line)
    assert TOKEN not in str(line)


@pytest.mark.parametrize(
    "words",
    [
        f"Authorization: Bearer {TOKEN}",
        f"GET /supervisors?token={TOKEN}",
        f"who holds {TOKEN} may come in",
        f"['{TOKEN}'], and {TOKEN}.",
        f"GET /supervisors/{TOKEN}/info",
        f"signed in with {PERSONAL}.",
        f"postgresql://ada:{TOKEN}@db/shop",
        f"set-cookie: superlearner={TOKEN}; HttpOnly",
    ],
)
def test_no_secret_is_kept_or_written(view: LogView, words: str) -> None:
    record = logging.LogRecord("shop", logging.ERROR, "shop.py", 1, words, (), None)
    try:
        raise ValueError(words)
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    view.handle(record)
    written = [TextFormatter(is_token).format(record), JsonFormatter(is_token).format(record)]
    for text in (*written, str(view.lines())):
        assert TOKEN not in text
        assert PERSONAL not in text
        assert "***" in text


def test_other_words_are_kept() -> None:
    words = "the file superlearner/src/superlearner/operations/builtin/settings.py was read"
    record = logging.LogRecord("shop", logging.INFO, "shop.py", 1, words, (), None)
    assert words in TextFormatter(is_token).format(record)


@pytest.mark.parametrize("mark", ["\x1b[31m", "\x9b31m", "\u202e", "\r"])
def test_logged_text_cannot_control_the_terminal(mark: str) -> None:
    record = logging.LogRecord("shop", logging.INFO, "shop.py", 1, f"sold {mark}", (), None)
    assert TextFormatter().format(record).isprintable()
    written = JsonFormatter().format(record)
    assert written.isprintable()
    assert json.loads(written)["text"] == f"sold {mark}"


def test_the_newest_lines_of_all_threads_are_kept_and_counted(view: LogView) -> None:
    def write(many: int) -> None:
        for number in range(many):
            logging.getLogger("shop").warning("%d", number)

    threads = [threading.Thread(target=write, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert view.written == 200
    assert [number for number, _ in view.lines()] == [196, 197, 198, 199, 200]
    view.resize(2)
    assert [number for number, _ in view.lines()] == [199, 200]


def test_a_listener_that_logs_or_raises_does_no_harm(view: LogView, capsys: pytest.CaptureFixture[str]) -> None:
    def listener(number: int, line: Any) -> None:
        logging.getLogger("shop").error("received %d", number)
        raise RuntimeError("mine")

    view.listener = listener
    logging.getLogger("shop").warning("one")
    logging.getLogger("shop").warning("two")
    assert [line.text for _, line in view.lines()] == ["one", "two"]
    assert "RuntimeError: mine" in capsys.readouterr().err


def test_a_long_line_is_cut(view: LogView) -> None:
    logging.getLogger("shop").warning("x" * 1_000_000)
    ((_, line),) = view.lines()
    assert len(line.text) == 4000


class Terminal:
    """A log that writes into a string."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, of_platform: bool = True, **settings: Any) -> None:
        self.written = io.StringIO()
        self.settings = Settings(**settings)
        monkeypatch.setattr("sys.stderr", self.written)
        self.log = TerminalLog(lambda: self.settings, of_platform=of_platform)

    def lines(self) -> list[str]:
        found = self.written.getvalue().splitlines()
        self.written.truncate(self.written.seek(0))
        return found


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    terminal = Terminal(monkeypatch)
    terminal.log.open()
    yield terminal
    terminal.log.close()


def test_the_end_of_a_sandbox_is_not_logged_by_its_process(terminal: Terminal) -> None:
    for above in (["<0.37.0>", "sandboxes (<0.12.0>)", "services (<0.5.0>)"], ["shop (<0.40.0>)"]):
        logging.getLogger("otp").error("it ended", extra={"otp_what": "Peer", "otp_ancestors": above})
    assert 1 == len(terminal.lines())


def test_in_a_user_program_a_supervisor_called_sandboxes_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        above = await DynamicSupervisor.start_link(name="sandboxes")
        child = await DynamicSupervisor.start_child(above, Till.child_spec(restart="temporary"))
        otp.exit(child, "kill")
        await otp.wait_down(child)
        await DynamicSupervisor.which_children(above)

    terminal = Terminal(monkeypatch, of_platform=False)
    terminal.log.open()
    try:
        otp.run(main)
    finally:
        terminal.log.close()
    (line,) = terminal.lines()
    assert "ERROR otp.supervisor: " in line and 'it is not restarted: its child spec has restart="temporary"' in line


def kill(*at: float) -> None:
    """Log reports of children that were killed at these times."""
    for when in at:
        fields = {"otp_signalled": True, "name": "otp.supervisor", "levelno": logging.INFO, "msg": "killed"}
        logging.getLogger("otp.supervisor").handle(logging.makeLogRecord({**fields, "created": when}))


def test_a_line_about_omitted_kills_is_logged_at_any_level(terminal: Terminal) -> None:
    terminal.settings = Settings(log_level="error")
    terminal.log.adopt()
    kill(*[1.0] * 15)
    *shown, last = terminal.lines()
    assert 10 == len(shown)
    assert last.endswith("`superlearner log list` lists more of them")


def test_kills_after_the_clock_went_back_are_logged(terminal: Terminal) -> None:
    kill(*[5_000.0] * 15)
    terminal.lines()
    kill(1_000.0)
    (line,) = terminal.lines()
    assert line.endswith("killed")


def test_running_out_of_descriptors_is_logged_once_without_a_traceback(terminal: Terminal) -> None:
    lacking = OSError(errno.EMFILE, "Too many open files")
    for _ in range(100):
        logging.getLogger("asyncio").error("socket.accept() out of system resource\nsocket: <…>", exc_info=lacking)
    logging.getLogger("asyncio").error("another")
    said, other = terminal.lines()
    assert "new connections wait: this machine does not have enough files" in said
    assert other.endswith("another")


def test_level_and_format_follow_the_settings_at_run_time(terminal: Terminal) -> None:
    shop = logging.getLogger("shop")
    shop.info("not said")
    shop.warning("said")
    (line,) = terminal.lines()
    assert line.endswith("WARNING shop: said")
    terminal.settings = Settings(log_level="info", log_format="json")
    terminal.log.adopt()
    shop.info("sold %d\nfor %s", 2, "ada")
    (line,) = terminal.lines()
    said = json.loads(line)
    assert (said["level"], said["logger"], said["text"]) == ("info", "shop", "sold 2\nfor ada")
    assert said["timestamp"].endswith("Z")
    terminal.settings = Settings(log_level="error")
    terminal.log.adopt()
    shop.warning("not said")
    assert terminal.lines() == []


def test_verbose_libraries_are_logged_from_level_warning(terminal: Terminal) -> None:
    terminal.settings = Settings(log_level="debug")
    terminal.log.adopt()
    for name in ("uvicorn.error", "sqlalchemy.engine", "asyncio", "websockets.server"):
        logging.getLogger(name).info("step")
        logging.getLogger(name).warning("wrong")
    assert [line.rpartition(" ")[2] for line in terminal.lines()] == ["wrong"] * 4


def test_requests_are_logged_at_any_level(terminal: Terminal) -> None:
    logging.getLogger(ACCESS).info("GET /supervisors 200")
    assert terminal.lines()[0].endswith("INFO superlearner.access: GET /supervisors 200")


def test_close_restores_the_previous_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("", "uvicorn", "sqlalchemy", ACCESS)
    before = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names]
    terminal = Terminal(monkeypatch, log_level="debug")
    terminal.log.open()
    terminal.log.close()
    assert [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names] == before


def test_a_line_of_another_program_is_kept_with_its_node_cut_and_without_our_secrets(view: LogView) -> None:
    taken: list[tuple[int, LogLine]] = []
    view.listener = lambda number, line: taken.append((number, line))
    odd = {"text": "x" * 10_000, "traceback": f"refused {TOKEN}", "name": "n" * 9_000}
    view.take(
        "shop@127.0.0.1", LogLine(float("nan"), "loud", f"of {TOKEN}", report="made up", fields={"a": TOKEN}, **odd)
    )
    ((number, line),) = view.lines()
    assert taken == [(number, line)]
    assert (line.node, line.level, line.report) == ("shop@127.0.0.1", "info", None)
    assert abs(line.at - time.time()) < 60
    assert (len(line.text), len(line.name or "")) == (4_000, 500)
    assert TOKEN not in str(line.as_json())


def test_lines_name_a_process_by_its_registry_key(view: LogView, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="tills")
        shop = await DynamicSupervisor.start_link(name="shop")
        till = Registry.via("tills", "door")
        old = await DynamicSupervisor.start_child(shop, Till.child_spec(name=till))
        assert old is not None
        GenServer.cast(till, "apples")
        GenServer.cast(till, "crash")
        await otp.wait_down(old)
        await DynamicSupervisor.count_children(shop)

    caplog.set_level(logging.INFO, "otp.supervisor")
    otp.run(main)
    lines = {line.logger: line for _, line in view.lines()}
    assert (lines["shop"].name, lines["otp"].name) == ("Till door", "Till door")
    assert lines["otp"].text.startswith("Till door <")
    assert "shop (dynamic) restarted Till door <" in lines["otp.supervisor"].text
