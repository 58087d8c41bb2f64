"""Settings of the platform: defaults < `superlearner.toml` < environment `SUPERLEARNER_*` < command line flags.

Times are seconds, sizes are bytes. A wrong value is refused with its source, what was expected and what was got.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

__all__ = ["CONFIG_FILE", "Settings", "SettingsError", "is_loopback", "load_settings"]

CONFIG_FILE = "superlearner.toml"


class SettingsError(ValueError):
    """A setting has a wrong value; the text names the setting, what was expected and what was got."""


class Settings(BaseSettings):
    """Everything that can be set.

    >>> Settings(port=4001).address
    'http://127.0.0.1:4001'
    """

    model_config = SettingsConfigDict(
        env_prefix="SUPERLEARNER_", extra="ignore", frozen=True, toml_file=CONFIG_FILE, validate_default=True
    )

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on; loopback by default")
    port: int = Field(4000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    data_dir: Path | None = Field(None, description="folder of the data; XDG's by default")
    database: str | None = Field(
        None,
        pattern=r"^(sqlite:///.|postgres(ql)?(\+asyncpg)?://).*",
        description="where history is stored: postgresql://USER:PASSWORD@HOST/DATABASE, or sqlite:///FILE; "
        "by default a file in the folder of the data",
    )
    browser: bool = Field(True, description="open a browser after the start")
    auth: Literal["none", "all"] | None = Field(
        None, description="who needs a credential: none or all; none on loopback and all beyond it by default"
    )
    allow_host: tuple[str, ...] = Field((), description="more host names by which clients may address us")
    root_path: str = Field("", pattern=r"^(/[^/\s]+)*$", description="path prefix when behind a proxy")
    log_level: Literal["debug", "info", "warning", "error"] = "warning"

    playground_restart_after: float = Field(1.0, ge=0, description="a tree that gave up starts again after this time")
    services_back_off_max: float = Field(5.0, gt=0, description="longest wait before a failing service starts again")
    frame_interval: float = Field(0.05, gt=0, description="shortest time between two frames of the live page")
    heartbeat_interval: float = Field(0.5, gt=0, description="metrics and heartbeat of the live page")
    viewer_queue: int = Field(50, ge=1, description="frames a slow viewer may lag behind before it gets a snapshot")
    frame_rows: int = Field(400, ge=1, description="changed rows in one frame beyond which a snapshot is sent")
    max_body: int = Field(1_000_000, ge=1, description="largest request body")
    kill_wait: float = Field(5.0, gt=0, description="a kill answers at the latest after this time")
    scan_interval: float = Field(2.0, gt=0, description="analytics looks at mailboxes and children this often")
    max_events_per_supervisor: int = Field(
        1000, ge=1, le=100_000, description="restarts, and other events, of one supervisor that analytics has in memory"
    )
    enable_detailed_logging: bool = Field(False, description="a line in the log for everything analytics counts")
    watchdog_after: float = Field(1.0, ge=0, description="a callback that holds the loop this long is named; 0 = off")

    @field_validator("auth")
    @classmethod
    def _nobody_is_let_in_from_the_network_without_a_credential(
        cls, auth: str | None, info: ValidationInfo
    ) -> str | None:
        host = info.data.get("host")
        if auth == "none" and host is not None and not is_loopback(host):
            raise ValueError(f"expected 'all', or the host 127.0.0.1, since others reach {host} as well")
        return auth

    @property
    def asks_for_credentials(self) -> bool:
        """Whether who comes has to show a credential."""
        return self.auth == "all" or not is_loopback(self.host)

    @property
    def address(self) -> str:
        """The address people type, as far as it is known before the socket is bound."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.root_path}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, which wins over the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`. A name other than `localhost` counts as beyond.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "::", "shop.example")]
    [True, True, True, False, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**flags: Any) -> Settings:
    """Settings from all sources; a flag that is None was not given.

    Raises:
        SettingsError: a value is wrong, or the file is not TOML.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_line(problem, given) for problem in error.errors())) from None
    except (ValueError, OSError) as error:  # a broken TOML file, or an environment value that is not JSON
        raise SettingsError(f"{CONFIG_FILE} or the environment cannot be read: {error}") from None


def _line(problem: Any, given: dict[str, Any]) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "settings"
    source = (
        f"--{name.replace('_', '-')}" if name in given else f"{name} (SUPERLEARNER_{name.upper()} or {CONFIG_FILE})"
    )
    return f"{source}: {problem['msg'].removeprefix('Value error, ')}, got {problem['input']!r}"
