"""The command line. Everything heavy is imported on first use, so that a verb starts in 0.3 s.

Exit codes: 0 done · 1 it could not be done, and why · 2 wrong usage · 70 the platform's root gave up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from superlearner.terminal import complain

__all__ = ["app", "main"]

FAILED = 1
USAGE = 2

app = typer.Typer(
    name="superlearner",
    help="See, steer and learn supervision trees.",
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """The console script."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        from superlearner import __version__

        typer.echo(f"superlearner {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """See, steer and learn supervision trees."""


@app.command()
def run(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE.py:Name]",
            help="A Supervisor or Application of yours; without it the demo runs.",
            show_default=False,
        ),
    ] = None,
    arg: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="What the init of your Supervisor (the start of your Application) gets, as JSON; "
            "a list becomes a tuple [default: null, which is None].",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one [default: 4000].")
    ] = None,
    browser: Annotated[bool | None, typer.Option("--browser/--no-browser", help="Open a browser.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the data [default: XDG's].")] = None,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="none|all",
            help="Who needs a credential [default: none on loopback, all beyond].",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="One more host name by which clients may address us.")
    ] = None,
    root_path: Annotated[str | None, typer.Option(help="Path prefix when behind a proxy.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
) -> None:
    """Start the platform, with the demo trees or with your own tree."""
    from superlearner.settings import SettingsError, load_settings

    try:
        settings = load_settings(
            host=host,
            port=port,
            browser=browser,
            data_dir=data_dir,
            auth=auth,
            allow_host=tuple(allow_host) if allow_host else None,
            root_path=root_path,
            log_level=log_level,
        )
    except SettingsError as error:
        _fail(str(error), USAGE)
    from superlearner.program import run_platform

    raise typer.Exit(run_platform(settings, target, _arguments(target, arg)))


@app.command()
def token(
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the data [default: XDG's].")] = None,
) -> None:
    """Print the token that a platform asks for.

    For example: curl -H "Authorization: Bearer $(superlearner token)" http://127.0.0.1:4000/api/v1/supervisors
    """
    from superlearner.data_dir import default_data_dir
    from superlearner.settings import SettingsError, load_settings
    from superlearner.web.credentials import CredentialsError, read_token

    try:
        folder = load_settings(data_dir=data_dir).data_dir or default_data_dir()
        found = read_token(folder)
    except SettingsError as error:
        _fail(str(error), USAGE)
    except CredentialsError as error:
        _fail(str(error))
    if found is None:
        _fail(f"there is no token in {folder}: the first `superlearner run` makes it; try --data-dir FOLDER")
    typer.echo(found)


def _arguments(target: str | None, arg: str | None) -> tuple[Any, ...]:
    """What `--arg` says, if it was given."""
    if arg is None:
        return ()
    if target is None:
        _fail("--arg is for a tree of yours: superlearner run FILE.py:Name --arg JSON", USAGE)
    from superlearner.arguments import argument_of
    from superlearner.loading import LoadError

    try:
        return (argument_of(arg),)
    except LoadError as error:
        _fail(str(error), USAGE)


def _fail(message: str, code: int = FAILED) -> NoReturn:
    complain(message)
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
