"""`superlearner db`: the database of a data directory, without a running platform."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from superlearner.base.data_dir import DATABASE_FILE, describe_unusable, find_file
from superlearner.base.terminal import complain, print_line
from superlearner.cli.ends import USAGE, fail
from superlearner.cli.finding import data_dir_of
from superlearner.cli.operations import Verbs
from superlearner.cli.plain import paragraph
from superlearner.cli.showing import drawn, json_text

__all__ = ["database_of", "db"]


Json = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]
DataDirectory = Annotated[
    Path | None, typer.Option("--data-dir", help="Data directory [default: XDG's].", show_default=False)
]

db = typer.Typer(
    cls=Verbs,
    help="Inspect, copy or upgrade the database of a data directory.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@db.command()
def status(data_dir: DataDirectory = None, as_json: Json = False) -> None:
    """Show schema, size and rows of the database. Works while a platform is running."""
    from superlearner.store import database_info

    with _words():
        info = database_info(database_of(data_dir))
    shown = {**asdict(info), "up_to_date": info.up_to_date}
    print_line(json_text(shown) if as_json else drawn(shown))


@db.command()
def upgrade(data_dir: DataDirectory = None) -> None:
    """Upgrade the database to this version's schema. A platform does so at its start; refused while one is running.

    All missing steps are applied, or none. Older versions cannot use it afterwards: see `superlearner db backup`.
    """
    from superlearner.base.data_dir import AlreadyRunning, DataDir, DataDirError
    from superlearner.store import StoreUnavailable, database_info, migrate

    folder = data_dir or data_dir_of()
    data = DataDir(folder)
    try:
        data.acquire()
    except AlreadyRunning as running:
        fail(
            f"a platform (process {running.os_pid}) runs on {folder}, and has this database\n"
            "  it brought it to its own version when it started; to use another version, end it first"
        )
    except DataDirError as error:
        fail(str(error))
    with contextlib.closing(data), _words():
        place = database_of(data_dir)
        before = None
        with contextlib.suppress(StoreUnavailable):  # no database yet; the next line reports other errors
            before = database_info(place).revision
        after = migrate(place, tell=complain)
    print_line(f"schema {after}, as before" if before == after else f"schema {before or 'none'} → {after}")


@db.command()
def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File for the copy; it must not exist.", show_default=False)
    ],
    data_dir: DataDirectory = None,
) -> None:
    """Write a consistent copy of the database. Works while a platform is running."""
    place = database_of(data_dir)
    if isinstance(place, str) and not place.startswith("sqlite"):
        fail("this database is not a file; copy it with the tools of its server, such as: pg_dump --format=custom")
    from otp.locked_entries import follow_own_links
    from superlearner.store import database_info
    from superlearner.store.database_file import identify, make_replaced

    with _words():
        database_info(place)
        source = follow_own_links(_file_of(place))
        checked = identify(source)
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # it holds hashes of tokens
    except FileExistsError:
        fail(f"the file {file} already exists; use another name")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror or error}")
    is_whole = False
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as read,
            contextlib.closing(sqlite3.connect(file)) as write,
        ):
            read.backup(write)
        with _words():
            if identify(source) != checked:
                raise make_replaced(source)
        is_whole = True
    except sqlite3.Error as error:
        fail(f"the database cannot be copied to {file}: {error}")
    finally:
        if not is_whole:
            file.unlink(missing_ok=True)
    print_line(
        f"{file}, {file.stat().st_size:,} bytes; to go back to it, end the platform and put it in place of {source}"
    )


def database_of(data_dir: Path | None = None) -> str | Path:
    """Return the database URL or file. Ends the command if a setting is invalid."""
    from superlearner.settings.sources import SettingsError, load_settings

    try:
        settings = load_settings(data_dir=data_dir)
    except SettingsError as error:
        fail(str(error), USAGE)
    folder = data_dir or data_dir_of()
    if not settings.database and find_file(folder) is not None:
        fail(describe_unusable(folder, NotADirectoryError()))
    return settings.database or folder / DATABASE_FILE


def _file_of(place: str | Path) -> Path:
    from superlearner.store.engines import file_of, read_url

    return file_of(read_url(place)) or Path()


@contextlib.contextmanager
def _words() -> Generator[None]:
    """End the command with a message if the database is faulty."""
    from superlearner.store import StoreUnavailable

    try:
        yield
    except StoreUnavailable as error:
        fail(f"{paragraph(error.why)}\n  {paragraph(error.hint)}")
