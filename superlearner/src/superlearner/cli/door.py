"""Access to the platform for commands: exit codes and messages for failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import typer

from superlearner.base.commands import beginning
from superlearner.cli.asking import PlatformAnswer, RequestRefused, ask
from superlearner.cli.ends import FAILED, NO_PLATFORM, USAGE, fail
from superlearner.cli.finding import FoundPlatform, PlatformNotFound, WrongUrl, find
from superlearner.cli.hints import in_our_words
from superlearner.cli.plain import clip, paragraph, plain

__all__ = ["ask_or_fail", "failed", "reach", "resolve_options"]

LONGEST = 1000


def resolve_options(ctx: typer.Context, url: str | None, data_dir: Path | None) -> tuple[str | None, Path | None]:
    """Return the platform's URL and data directory, given after or before the verb."""
    before = ctx.find_root().params
    return url or before.get("url"), data_dir or before.get("data_dir")


def reach(url: str | None = None, data_dir: Path | None = None) -> FoundPlatform:
    """Return the platform; end the command if there is none."""
    folder = None if data_dir is None else data_dir.absolute()
    try:
        return replace(find(url, data_dir), begin=beginning(url=url, data_dir=folder))
    except PlatformNotFound as error:
        fail(str(error), NO_PLATFORM)
    except WrongUrl as error:
        fail(paragraph(str(error)), USAGE)
    except OSError as error:  # the token exists but is not usable
        fail(str(error))


def ask_or_fail(
    platform: FoundPlatform,
    entry: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    dry_run: bool = False,
    node: str | None = None,
) -> PlatformAnswer:
    """Return the operation's answer; end the command with code and hints on failure."""
    try:
        return ask(platform, entry, values, dry_run=dry_run, node=node)
    except PlatformNotFound as error:
        fail(paragraph(str(error)), NO_PLATFORM)
    except RequestRefused as error:
        failed(error, platform)


def failed(error: RequestRefused, platform: FoundPlatform) -> NoReturn:
    """End the command with the error's code and hints."""
    words = dict.fromkeys(in_our_words(hint, platform.begin) for hint in error.hints)  # two fields may have the same
    hints = "".join(f"\n  {clip(paragraph(one), LONGEST)}" for one in words)
    fail(f"{plain(error.code)}: {clip(paragraph(str(error)), LONGEST)}{hints}", FAILED)
