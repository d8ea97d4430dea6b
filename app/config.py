"""Settings of an archive, read once from its TOML file and the environment."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.clients import read_networks

FILE_NAME = "quipu.toml"


class ConfigError(ValueError):
    """A setting that cannot be used; the text names it, the place it stands in and what is expected."""


def _setting(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How `quipu serve` listens."""

    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8080, "Port to listen on.")
    threads: int = _setting(64, "Requests answered at the same time.")
    request_bytes: int = _setting(2_000_000, "Largest body of a request without uploads, in bytes; more is refused.")
    stop_seconds: int = _setting(30, "Time that running answers have to finish when the server is stopped, in s.")
    client_seconds: int = _setting(
        60, "Longest time for a client to send, or to take, the next piece of a request or an answer, in s."
    )
    client_requests: int = _setting(
        16, "Most requests of one client at the same time, 0 for no limit; programs on the same machine have none."
    )
    trusted_proxies: str = _setting(
        "", "Addresses or networks of proxies that tell, in X-Forwarded-For, who asks; with commas between them."
    )
    spool_bytes: int = _setting(
        4_000_000_000,
        "Most disk space for answers that wait for slow clients, so that their queries may end, in bytes.",
    )
    free_bytes: int = _setting(
        500_000_000, "Free disk space below which the archive says that it is not available, in bytes."
    )
    log_requests: bool = _setting(True, "Whether each request leaves a line in the log.")


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """The truth: where PostgreSQL is."""

    url: str | None = _setting(
        None, "URL of a PostgreSQL of yours, 14 or newer, UTF8; without it one runs inside the archive's directory."
    )


@dataclass(frozen=True, slots=True)
class ReplicaConfig:
    """The columnar replica that answers queries."""

    memory: str = _setting("2GB", "Most memory that the engine may use, for all queries together, as DuckDB writes it.")
    threads: int = _setting(2, "Threads of the engine.")
    temporary: str = _setting("20GB", "Most disk space for large intermediate results.")


@dataclass(frozen=True, slots=True)
class TapConfig:
    """Limits of TAP."""

    maxrec: int = _setting(100_000, "Rows of an answer when the client names no MAXREC.")
    maxrec_limit: int = _setting(20_000_000, "Most rows of an answer; a larger MAXREC is cut to it.")
    query_seconds: int = _setting(600, "Longest time for a synchronous query, in s.")
    async_seconds: int = _setting(3600, "Longest time for an asynchronous query whose client names none, in s.")
    async_seconds_limit: int = _setting(14_400, "Most time that a client may ask for an asynchronous query, in s.")
    async_workers: int = _setting(2, "Asynchronous queries that run at the same time; others wait in turn.")
    async_bytes: int = _setting(20_000_000_000, "Largest result of an asynchronous query, in bytes.")
    job_days: int = _setting(7, "Time for which a job and its results are kept, in d.")
    job_days_limit: int = _setting(30, "Most time for which a client may have a job kept, in d.")
    upload_bytes: int = _setting(100_000_000, "Most bytes of the tables that users send along with a query.")
    upload_rows: int = _setting(1_000_000, "Most rows of a table that users send along.")
    upload_seconds: int = _setting(60, "Longest time to fetch a table from an address that users name, in s.")
    upload_private_hosts: int = _setting(
        0, "1 lets users name tables on hosts of private networks and this machine; 0 refuses them."
    )


@dataclass(frozen=True, slots=True)
class SodaConfig:
    """Cutouts; their jobs have the times of those of TAP."""

    workers: int = _setting(2, "Processes that make cutouts and previews, each one at a time.")
    seconds: int = _setting(60, "Longest time for a synchronous cutout, in s.")
    result_bytes: int = _setting(
        4_000_000_000, "Largest result, and most of what a file that is compressed as a whole unpacks to, in bytes."
    )
    spool_bytes: int = _setting(20_000_000_000, "Most disk space for cutouts that wait to be sent, in bytes.")
    combinations: int = _setting(500, "Most results of one job.")


@dataclass(frozen=True, slots=True)
class IngestConfig:
    """How files are taken in."""

    workers: int = _setting(2, "Threads that read files at the same time.")
    proprietary_days: float = _setting(0.0, "Time after the observation until raw science frames are public, in d.")


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """What the registries of the VO tell of the archive."""

    publisher: str = _setting("A Quipu archive", "Organisation that publishes the archive.")
    creator: str = _setting("A Quipu archive", "Who made the data.")
    contact_name: str = _setting("Archive operator", "Whom users may ask.")
    contact_email: str | None = _setting(None, "Address of the contact.")
    subjects: str = _setting(
        "observational-astronomy", "Words of the Unified Astronomy Thesaurus, with commas between them."
    )


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one archive.

    Attributes
    ----------
    directory
        The archive's directory: its settings, database, replica and store.
    """

    directory: Path
    authority: str = _setting("quipu.example", "IVOA authority: the first part of all identifiers the archive gives.")
    title: str = _setting("Quipu archive", "Name of the archive, for people.")
    base_url: str | None = _setting(
        None, "Address that clients use, without a slash at the end; without it http://HOST:PORT of the server."
    )
    engine: str = _setting(
        "duckdb", "What answers queries: duckdb (the columnar replica) or postgresql (the database itself)."
    )
    server: ServerConfig = field(default_factory=ServerConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    replica: ReplicaConfig = field(default_factory=ReplicaConfig)
    tap: TapConfig = field(default_factory=TapConfig)
    soda: SodaConfig = field(default_factory=SodaConfig)
    ingest: IngestConfig = field(default_factory=IngestConfig)
    registry: RegistryConfig = field(default_factory=RegistryConfig)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9\-_.!~*'()+=]{2,}", self.authority):
            raise ConfigError(
                f"authority = {self.authority!r} is not an IVOA authority: "
                "three or more letters, digits or -_.!~*'()+=."
            )
        if self.base_url is not None and not re.fullmatch(r"https?://[^\s/]+(/[^\s]*[^\s/])?", self.base_url):
            raise ConfigError(f"base_url = {self.base_url!r} is not an http(s) address without a slash at the end.")
        if self.engine not in ("duckdb", "postgresql"):
            raise ConfigError(f"engine = {self.engine!r} is neither duckdb nor postgresql.")
        if not 1 <= self.server.port <= 65535:
            raise ConfigError(f"server.port = {self.server.port} is not a port, 1 to 65535.")
        for name, number in (
            ("server.threads", self.server.threads),
            ("server.request_bytes", self.server.request_bytes),
            ("server.client_seconds", self.server.client_seconds),
            ("replica.threads", self.replica.threads),
            ("tap.maxrec", self.tap.maxrec),
            ("tap.maxrec_limit", self.tap.maxrec_limit),
            ("tap.query_seconds", self.tap.query_seconds),
            ("tap.async_seconds", self.tap.async_seconds),
            ("tap.async_seconds_limit", self.tap.async_seconds_limit),
            ("tap.async_workers", self.tap.async_workers),
            ("tap.async_bytes", self.tap.async_bytes),
            ("tap.job_days", self.tap.job_days),
            ("tap.job_days_limit", self.tap.job_days_limit),
            ("tap.upload_bytes", self.tap.upload_bytes),
            ("tap.upload_rows", self.tap.upload_rows),
            ("tap.upload_seconds", self.tap.upload_seconds),
            ("soda.workers", self.soda.workers),
            ("soda.seconds", self.soda.seconds),
            ("soda.result_bytes", self.soda.result_bytes),
            ("soda.spool_bytes", self.soda.spool_bytes),
            ("soda.combinations", self.soda.combinations),
            ("ingest.workers", self.ingest.workers),
        ):
            if number < 1:
                raise ConfigError(f"{name} = {number} must be 1 or more.")
        for name, number in (
            ("server.stop_seconds", self.server.stop_seconds),
            ("server.client_requests", self.server.client_requests),
            ("server.spool_bytes", self.server.spool_bytes),
            ("server.free_bytes", self.server.free_bytes),
        ):
            if number < 0:
                raise ConfigError(f"{name} = {number} must be 0 or more.")
        try:
            read_networks(self.server.trusted_proxies)
        except ValueError as error:
            raise ConfigError(f"server.trusted_proxies: {error}.") from error
        if not self.ingest.proprietary_days >= 0:
            raise ConfigError(f"ingest.proprietary_days = {self.ingest.proprietary_days} must be 0 or more.")

    @property
    def url(self) -> str:
        """Address that clients use, without a slash at the end."""
        return self.base_url or f"http://{self.server.host}:{self.server.port}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as documentation shows it."""

    name: str
    variable: str
    default: Any
    help: str


def settings() -> list[Setting]:
    """All settings, in the order of the file."""
    return [
        Setting(name, _variable(name), item.default, item.metadata["help"])
        for name, item in _settings_of(Config).items()
    ]


def read_config(directory: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Settings of the archive in a directory: the environment goes before the file, the file before the defaults.

    Parameters
    ----------
    directory
        The archive's directory; its file ``quipu.toml`` may be missing.
    environment
        A variable is ``QUIPU_`` and the setting's name in capitals with ``_`` for the dot: ``QUIPU_SERVER_PORT``.

    Raises
    ------
    ConfigError
        Raised for a file that is not TOML, an unknown setting and a value of the wrong kind.
    """
    file = directory / FILE_NAME
    try:
        document = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}.") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    given = _flatten(document)
    known = _settings_of(Config)
    for name in given:
        if name not in known:
            raise ConfigError(f"{file} has the unknown setting {name}; known are {', '.join(known)}.")
    values: dict[str, Any] = {}
    for name, item in known.items():
        text = environment.get(_variable(name))
        if text:
            values[name] = _from_text(name, item, text)
        elif name in given:
            values[name] = _checked(name, item, given[name])
    return _build(directory.resolve(), values)


def with_values(config: Config, **values: Any) -> Config:
    """The same settings with some replaced, named as ``server__port``; None keeps what stands."""
    flat = {
        name: getattr(getattr(config, name.split(".")[0]), name.split(".")[1]) if "." in name else getattr(config, name)
        for name in _settings_of(Config)
    }
    flat.update({name.replace("__", "."): value for name, value in values.items() if value is not None})
    return _build(config.directory, flat)


def _build(directory: Path, values: Mapping[str, Any]) -> Config:
    sections: dict[str, Any] = {}
    for item in dataclasses.fields(Config):
        if "help" in item.metadata:
            if item.name in values:
                sections[item.name] = values[item.name]
        elif item.name != "directory":
            own = {name.split(".")[1]: value for name, value in values.items() if name.startswith(f"{item.name}.")}
            sections[item.name] = _section(item)(**own)
    return Config(directory=directory, **sections)


def _section(item: dataclasses.Field[Any]) -> Any:
    return item.default_factory


def _settings_of(config: type) -> dict[str, dataclasses.Field[Any]]:
    known: dict[str, dataclasses.Field[Any]] = {}
    for item in dataclasses.fields(config):
        if "help" in item.metadata:
            known[item.name] = item
        elif item.name != "directory":
            known.update({f"{item.name}.{name}": inner for name, inner in _settings_of(_section(item)).items()})
    return known


def _variable(name: str) -> str:
    return "QUIPU_" + name.replace(".", "_").upper()


def _flatten(document: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            flat[name] = value
    return flat


_TYPES: dict[str, type] = {"str": str, "str | None": str, "int": int, "float": float, "bool": bool}
_TRUTH_VALUES = {"true": True, "1": True, "false": False, "0": False}


def _type(item: dataclasses.Field[Any]) -> type:
    if isinstance(item.type, str):
        return _TYPES[item.type]
    if typing.get_origin(item.type) is types.UnionType:
        return str
    return item.type


def _from_text(name: str, item: dataclasses.Field[Any], text: str) -> Any:
    kind = _type(item)
    try:
        return _TRUTH_VALUES[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise ConfigError(f"{_variable(name)}={text!r} is not a value of kind {kind.__name__}.") from None


def _checked(name: str, item: dataclasses.Field[Any], value: Any) -> Any:
    kind = _type(item)
    if value == "" and item.default is None:
        return None
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} = {value!r} in {FILE_NAME} is not a value of kind {kind.__name__}.")
    return value


def config_template() -> str:
    """Text of a new settings file: every setting with its meaning and default, commented out."""
    lines = [
        "# Settings of this archive. A line without # in front counts; the environment variable goes before it.",
        "",
    ]
    section = ""
    for setting in settings():
        head, _, name = setting.name.rpartition(".")
        if head != section:
            section = head
            lines += [f"[{section}]", ""]
        default = '""' if setting.default is None else _toml(setting.default)
        lines += [f"# {setting.help} ({setting.variable})", f"# {name} = {default}", ""]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value}"
