"""All settings, with their units, limits and defaults. Times are seconds, sizes are bytes. Their sources: `sources`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Final, Literal, cast

from pydantic import Field, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from superlearner.base.interfaces import is_loopback

__all__ = ["AT_START", "BYTES", "ENVIRONMENT", "SECONDS", "Settings", "takes_effect_at_start", "unit_of"]

ENVIRONMENT: Final = "SUPERLEARNER_"
"""Prefix of the environment variables."""

AT_START: Final[JsonDict] = {"at_start": True}
"""Marks a setting that needs a restart; others are read when needed."""

SECONDS: Final[JsonDict] = {"unit": "s"}
BYTES: Final[JsonDict] = {"unit": "bytes"}
MEGABYTES: Final[JsonDict] = {"unit": "MB"}
MESSAGES_A_SECOND: Final[JsonDict] = {"unit": "messages a second"}
PROCESSES_A_SECOND: Final[JsonDict] = {"unit": "processes a second"}
MEGABYTES_A_MINUTE: Final[JsonDict] = {"unit": "MB a minute"}


class Settings(BaseSettings):
    """All settings; a direct instance has given values and defaults.

    To add a setting, add a field with its unit, and `AT_START` if a change needs a restart. Code reads settings from
    `platform.settings` each time, as they may change.

    >>> Settings(port=4001).address
    'http://127.0.0.1:4001'
    """

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT, allow_inf_nan=False, extra="forbid", frozen=True, validate_default=True
    )

    host: str = Field("127.0.0.1", min_length=1, json_schema_extra=AT_START, description="address to listen on")
    port: int = Field(
        4000, ge=0, le=65535, json_schema_extra=AT_START, description="port to listen on; 0 takes a free one"
    )
    data_dir: Path | None = Field(None, json_schema_extra=AT_START, description="data directory; default: XDG's")
    database: str | None = Field(
        None,
        pattern=r"^(sqlite:///.|postgres(ql)?(\+asyncpg)?://).*",
        json_schema_extra=AT_START,
        description="postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:///FILE; default: in the data directory",
    )
    browser: bool = Field(True, json_schema_extra=AT_START, description="open a browser after the start")
    auth: Literal["none", "all"] | None = Field(
        None,
        json_schema_extra=AT_START,
        description="requests that need a credential; default: none on loopback, all beyond it",
    )
    allow_host: tuple[str, ...] = Field(
        (), json_schema_extra=AT_START, description="additional host names of the platform"
    )
    root_path: str = Field(
        "", pattern=r"^(/[^/\s]+)*$", json_schema_extra=AT_START, description="path prefix behind a proxy"
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        json_schema_extra=AT_START,
        description="addresses and networks of proxies whose X-Forwarded headers are trusted",
    )
    certfile: Path | None = Field(
        None, json_schema_extra=AT_START, description="certificate for https, with its intermediate certificates"
    )
    keyfile: Path | None = Field(
        None, json_schema_extra=AT_START, description="private key of the certificate, if it is in another file"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="lowest level of log lines on the terminal"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="format of log lines: text, or a JSON object a line"
    )
    log_kept: int = Field(2_000, ge=10, le=100_000, description="log lines in memory, from level info")
    link_expires: float = Field(
        86_400.0,
        ge=1,
        le=31_536_000,
        json_schema_extra=SECONDS,
        description="lifetime of a user's sign-in link",
    )
    owner_link_expires: float = Field(
        600.0,
        ge=1,
        le=31_536_000,
        json_schema_extra=SECONDS,
        description="lifetime of the owner's sign-in link",
    )
    access_log: bool = Field(False, description="log each request, without its query")

    playground_restart_after: float = Field(
        1.0, ge=0, le=86_400, json_schema_extra=SECONDS, description="pause before a tree that gave up is restarted"
    )
    playground_hold: float = Field(
        10.0,
        ge=0,
        le=86_400,
        json_schema_extra=SECONDS,
        description="time a callback or import may block your tree's program before it is restarted; 0 = no limit",
    )
    services_back_off_max: float = Field(
        5.0,
        gt=0,
        le=86_400,
        json_schema_extra=SECONDS,
        description="longest pause before a failing service is restarted",
    )
    frame_interval: float = Field(
        0.05,
        ge=0.001,
        le=86_400,
        json_schema_extra=SECONDS,
        description="shortest time between two frames of a live page, except after an action",
    )
    heartbeat_interval: float = Field(
        0.5,
        ge=0.01,
        le=86_400,
        json_schema_extra=SECONDS,
        description="interval of metrics and heartbeats",
    )
    viewer_queue: int = Field(
        50, ge=1, le=10_000, description="frames a slow viewer may miss before it gets a snapshot"
    )
    frame_rows: int = Field(400, ge=1, le=100_000, description="changed rows in a frame above which a snapshot is sent")
    sandboxes: int = Field(100, ge=0, le=1000, description="number of sandboxes at a time")
    discovery: str = Field(
        "local",
        pattern=r"^(local|lan|none|file:.+|dns:.+)$",
        json_schema_extra=AT_START,
        description="how to find members of the cluster: local, lan, file:PATH, dns:NAME[:PORT] or none",
    )
    cluster_listen: str = Field(
        "127.0.0.1",
        min_length=1,
        json_schema_extra=AT_START,
        description="address for members; a port admits other users; beyond loopback, certificates are required",
    )
    cluster_advertise: str | None = Field(
        None,
        min_length=1,
        json_schema_extra=AT_START,
        description="address that members dial, if not cluster_listen (containers, routers)",
    )
    cluster_connect: tuple[str, ...] = Field(
        (), json_schema_extra=AT_START, description="addresses of members of the cluster, such as tls/10.0.0.5:7447"
    )
    cluster_simulation: int = Field(
        0, ge=0, le=12, json_schema_extra=AT_START, description="number of members to simulate from the start; 0 = off"
    )
    cluster_ca: Path | None = Field(
        None, json_schema_extra=AT_START, description="certificate of the cluster's authority (PEM)"
    )
    cluster_cert: Path | None = Field(None, json_schema_extra=AT_START, description="certificate of this member (PEM)")
    cluster_key: Path | None = Field(None, json_schema_extra=AT_START, description="private key of this member (PEM)")
    weak_walls: bool = Field(
        False,
        json_schema_extra=AT_START,
        description="start sandboxes without required isolation; for your own code only",
    )
    allow_eval: bool = Field(
        False,
        json_schema_extra=AT_START,
        description="allow node.eval in the platform and your tree; sandboxes always allow it",
    )
    events_kept: int = Field(10_000, ge=100, le=1_000_000, description="events in memory, for readers that reconnect")
    max_body: int = Field(
        1_000_000, ge=1, le=1_000_000_000, json_schema_extra=BYTES, description="largest request body"
    )
    max_bodies: int = Field(
        64_000_000, ge=1, le=10_000_000_000, json_schema_extra=BYTES, description="all request bodies together"
    )
    body_timeout: float = Field(
        30.0, gt=0, le=86_400, json_schema_extra=SECONDS, description="time limit for a request body"
    )
    max_connections: int = Field(
        4000,
        ge=10,
        le=1_000_000,
        description="connections; beyond, the one idle for longest is closed",
    )
    head_timeout: float = Field(
        10.0,
        gt=0,
        le=86_400,
        json_schema_extra=SECONDS,
        description="time limit for request headers and TLS handshakes",
    )
    keep_alive: float = Field(
        5.0, gt=0, le=86_400, json_schema_extra=SECONDS, description="time a connection waits for its next request"
    )
    send_timeout: float = Field(
        20.0,
        gt=0,
        le=86_400,
        json_schema_extra=SECONDS,
        description="time limit for reading 64 KiB of an answer",
    )
    max_unsent: int = Field(
        64_000_000,
        ge=1_000_000,
        le=10_000_000_000,
        json_schema_extra=BYTES,
        description="unread data of all slow readers; above it the slowest are disconnected",
    )
    calls_per_second: float = Field(
        50.0,
        ge=0,
        le=1_000_000,
        json_schema_extra=AT_START,
        description="sustained rate of calls of a remote user or address; 0 = no limit",
    )
    calls_at_once: int = Field(300, ge=1, le=1_000_000, json_schema_extra=AT_START, description="burst of such calls")
    quota_sandboxes: int | None = Field(
        None, ge=0, le=1_000, description="a learner's running sandboxes, with the home; default: from the machine"
    )
    quota_memory_mb: int | None = Field(
        None,
        ge=64,
        le=1_000_000,
        json_schema_extra=MEGABYTES,
        description="memory of a learner's running sandboxes; default: from the machine",
    )
    quota_processes: int | None = Field(
        None, ge=8, le=100_000, description="processes of a learner's running sandboxes; default: from the machine"
    )
    quota_cpu_s: int | None = Field(
        None,
        ge=1,
        le=86_400,
        json_schema_extra=SECONDS,
        description="processor time of a learner's sandbox; default: from the machine",
    )
    quota_lifetime_s: int | None = Field(
        None,
        ge=1,
        le=604_800,
        json_schema_extra=SECONDS,
        description="lifetime of a learner's sandbox; default: from the machine",
    )
    quota_recordings: int | None = Field(
        None, ge=0, le=1_000, description="a learner's running recordings; default: from the machine"
    )
    quota_recording_mb: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        json_schema_extra=MEGABYTES,
        description="size of a learner's recordings; default: from the machine",
    )
    quota_requests_per_second: int | None = Field(
        None, ge=1, le=100_000, description="a learner's requests a second; default: from the machine"
    )
    kill_wait: float = Field(
        5.0, gt=0, le=86_400, json_schema_extra=SECONDS, description="longest wait for the answer to a kill"
    )
    scan_interval: float = Field(
        2.0,
        ge=0.01,
        le=86_400,
        json_schema_extra=SECONDS,
        description="interval of samples for analytics and monitoring",
    )
    max_events_per_supervisor: int = Field(
        1000, ge=1, le=100_000, description="restarts, and other events, of a supervisor in memory"
    )
    enable_detailed_logging: bool = Field(False, description="log each event that analytics counts")
    keep_traces: float = Field(
        600.0,
        ge=0,
        le=86_400,
        json_schema_extra=SECONDS,
        description="time to keep a trace after the end of its processes",
    )
    audit_rows: int = Field(
        200_000,
        ge=1000,
        le=100_000_000,
        description="stored rows of the audit log, and of changed settings",
    )
    audit_days: float = Field(365.0, gt=0, le=36_500, description="days after which these rows are removed")
    moments_kept: int = Field(
        20_000, ge=0, le=1_000_000, description="stored restarts that can be replayed; older ones keep one line"
    )
    moments_days: float = Field(7.0, gt=0, le=36_500, description="days after which only their lines are kept")
    watchdog_after: float = Field(
        1.0,
        ge=0,
        le=86_400,
        json_schema_extra=SECONDS,
        description="time after which a blocking callback is reported; 0 = off",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _reject_bool_as_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("expected a value of its type")
        return value

    otel_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s/]+(/\S*)?$",
        json_schema_extra=AT_START,
        description="URL of an OpenTelemetry collector, OTLP over HTTP, without /v1/…; default: no export",
    )
    otel_interval: float = Field(
        10.0, gt=0, json_schema_extra=AT_START, description="seconds between exports of metrics"
    )
    anomaly_window: float = Field(
        60.0, gt=0, json_schema_extra=SECONDS, description="window for restarts, give-ups and blocked loops"
    )
    anomaly_restarts: int = Field(10, ge=1, description="restarts of a supervisor in the window that make a storm")
    anomaly_give_up_within: float = Field(
        10.0, ge=0, json_schema_extra=SECONDS, description="predicted time to a give-up that makes a crash loop"
    )
    anomaly_mailbox: int = Field(100, ge=1, description="smallest mailbox that is checked")
    anomaly_mailbox_growth: float = Field(
        5.0, gt=0, json_schema_extra=MESSAGES_A_SECOND, description="allowed growth of a mailbox"
    )
    anomaly_mailbox_wait: float = Field(
        60.0, gt=0, json_schema_extra=SECONDS, description="allowed time to empty a mailbox"
    )
    anomaly_memory_growth: float = Field(
        20.0, gt=0, json_schema_extra=MEGABYTES_A_MINUTE, description="allowed growth of the program"
    )
    anomaly_memory_window: float = Field(
        300.0, gt=0, le=3600, json_schema_extra=SECONDS, description="time of continuous growth"
    )
    anomaly_process_growth: float = Field(
        5.0,
        gt=0,
        json_schema_extra=PROCESSES_A_SECOND,
        description="allowed growth of unsupervised processes, and of dynamic children",
    )
    anomaly_callback: float = Field(
        2.0, gt=0, json_schema_extra=SECONDS, description="allowed duration of an async callback"
    )
    anomaly_loop_held: float = Field(
        0.5, gt=0, json_schema_extra=SECONDS, description="allowed time of a blocked event loop"
    )
    anomaly_unsupervised_after: float = Field(
        30.0, ge=0, json_schema_extra=SECONDS, description="allowed time without links and monitors"
    )
    anomaly_monitors: int = Field(20, ge=2, description="allowed monitors of one process held by another")
    anomaly_down_unread: float = Field(
        30.0, ge=0, json_schema_extra=SECONDS, description="allowed time for an unread Down message"
    )

    @field_validator("auth")
    @classmethod
    def _network_needs_credentials(cls, auth: str | None, info: ValidationInfo) -> str | None:
        host = info.data.get("host")
        if auth == "none" and host is not None and not is_loopback(host):
            raise ValueError(f"expected 'all', or the host 127.0.0.1, since others can reach {host}")
        return auth

    @field_validator("weak_walls")
    @classmethod
    def _weak_walls_need_loopback(cls, weak: bool, info: ValidationInfo) -> bool:
        host = info.data.get("host")
        if weak and ((host is not None and not is_loopback(host)) or info.data.get("trusted_proxies")):
            raise ValueError("expected false, or the host 127.0.0.1 without proxies, since others can reach it")
        return weak

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, proxies: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for one in proxies:
            try:
                ipaddress.ip_network(one)
            except ValueError:
                raise ValueError("expected addresses and networks such as 127.0.0.1 and 10.1.0.0/16") from None
        if proxies and info.data.get("auth") == "none":
            raise ValueError("expected none with auth 'none', since they let others reach the platform")
        return proxies

    @field_validator("keyfile")
    @classmethod
    def _key_needs_certificate(cls, keyfile: Path | None, info: ValidationInfo) -> Path | None:
        if keyfile is not None and info.data.get("certfile") is None:
            raise ValueError("expected a certificate for the key; try --certfile FILE")
        return keyfile

    @property
    def requires_credentials(self) -> bool:
        """True if requests need a credential."""
        return self.auth == "all" or not is_loopback(self.host) or bool(self.trusted_proxies)

    @property
    def address(self) -> str:
        """Address of the platform, as far as known before the socket is bound."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "http" if self.certfile is None else "https"
        return f"{scheme}://{host}:{self.port}{self.root_path}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use the given values only: `settle` merges the sources."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def takes_effect_at_start(name: str) -> bool:
    """Return whether a change of this setting needs a restart.

    >>> takes_effect_at_start("port"), takes_effect_at_start("kill_wait")
    (True, False)
    """
    return Settings.model_fields[name].json_schema_extra == AT_START


def unit_of(name: str) -> str:
    """Return the unit of a setting; "" if it has none, or is not known.

    >>> unit_of("anomaly_callback"), unit_of("anomaly_mailbox_growth"), unit_of("anomaly_restarts"), unit_of("new")
    ('s', 'messages a second', '', '')
    """
    field = Settings.model_fields.get(name)
    extra = cast("dict[str, str] | None", None if field is None else field.json_schema_extra)
    return "" if extra is None else extra.get("unit", "")
