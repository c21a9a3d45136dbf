"""Settings: one frozen object, read from the environment once. Only entry points read it; others get values passed.

A wrong value stops the process with one line that names the variable, shows the value and says what is accepted.
"""

import ipaddress
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, cast, get_args
from urllib.parse import urlsplit

import structlog
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

ROOT = Path(__file__).resolve().parent
VAR = ROOT / "var"
SECRET_KEY_FILE = "secret_key"  # noqa: S105 - the name of a file, not a secret

LogFormat = Literal["console", "json"]

# Cursors are signed with the key. A shorter one could be guessed.
MIN_SECRET_KEY_LENGTH = 16
DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
YES_OR_NO = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
WEB_ADDRESSES = ("http", "https://amends.example.com")
MAIL_SERVERS = ("smtp", "smtp://user:password@mail.example.com:587 or smtps://mail.example.com")
SENDER = re.compile(r"[^\s<>@]+@[A-Za-z0-9.-]+|[^<>@]+<[^\s<>@]+@[A-Za-z0-9.-]+>")
ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class ConfigError(Exception):
    """A setting has a wrong value. The message is one line that names it, shows it and says what is accepted."""

    def __init__(self, name: str, value: str, accepted: str) -> None:
        """Make the message without passwords: the credentials of a URL are masked."""
        shown = re.sub(r"^([a-z0-9+]*://)?.*@", r"\1***@", " ".join(value.split()), flags=re.IGNORECASE)
        shown = re.sub(r"(password=)[^&]*", r"\1***", shown, flags=re.IGNORECASE)
        super().__init__(f"{name}={shown}: {accepted}" if value else f"{name}: {accepted}")


@dataclass(frozen=True, kw_only=True)
class Config:
    """The checked settings of this process."""

    database_url: str = field(repr=False)
    host: str
    port: int
    web_workers: int
    web_threads: int
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    cors_origins: tuple[str, ...]
    keepalive: int  # seconds
    public_url: str
    secret_key: str = field(repr=False)
    google_application_credentials: Path | None
    fcm_endpoint: str | None
    smtp_url: str | None = field(repr=False)
    smtp_from: str | None
    seed_demo: bool | None
    log_format: LogFormat
    ratelimit_storage_url: str = field(repr=False)
    dead_man_url: str | None = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)  # all variables, for channels that have settings of their own

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, var: Path = VAR) -> Self:
        """Read every setting; an empty variable counts as absent. Raises ConfigError for the first wrong one."""
        env = {name: value.strip() for name, value in environ.items() if value.strip()}
        database = _database(env, var)
        host, port = _host(env), _number(env, "PORT", 8000, 1, 65_535)
        return cls(
            database_url=database.render_as_string(hide_password=False),
            host=host,
            port=port,
            web_workers=_web_workers(env, database),
            web_threads=_number(env, "WEB_THREADS", 8, 1, 256),
            trusted_proxies=_trusted_proxies(env),
            cors_origins=_cors_origins(env),
            keepalive=_number(env, "KEEPALIVE", 5, 1, 3600),
            secret_key=_secret_key(env, host, var),
            google_application_credentials=_credentials(env),
            fcm_endpoint=_url(env, "FCM_ENDPOINT"),
            smtp_url=_url(env, "SMTP_URL", MAIL_SERVERS),
            smtp_from=_smtp_from(env),
            public_url=_public_url(env, host, port),
            seed_demo=_seed_demo(env),
            log_format=_log_format(env),
            ratelimit_storage_url=_ratelimit_storage(env),
            dead_man_url=_dead_man(env),
            environ=env,
        )

    @property
    def bind(self) -> str:
        """Return host and port as gunicorn takes them, an IPv6 address in brackets."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can reach the web process."""
        return is_loopback(self.host)

    @property
    def serves_others(self) -> bool:
        """Return whether people on other machines use the service, by itself or through a proxy on this machine."""
        return not self.is_loopback or not is_loopback(urlsplit(self.public_url).hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether a HOST is reachable from this machine only. Of names, only localhost is."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_unspecified(host: str) -> bool:
    """Return whether a HOST stands for all addresses of this machine and is itself none."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _number(env: Mapping[str, str], name: str, default: int, minimum: int, maximum: int) -> int:
    value = env.get(name)
    if value is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", value) or not minimum <= int(value) <= maximum:
        raise ConfigError(name, value, f"a whole number from {minimum} to {maximum} is accepted")
    return int(value)


def _host(env: Mapping[str, str]) -> str:
    value = env.get("HOST", "127.0.0.1")
    try:
        return str(ipaddress.ip_address(value.strip("[]")))
    except ValueError:
        # Digits and dots that are no address are a mistyped address, not a name.
        if HOST_NAME.fullmatch(value) and re.search("[A-Za-z]", value):
            return value.lower()
    raise ConfigError("HOST", value, "an IP address or a host name without port is accepted")


def _trusted_proxies(env: Mapping[str, str]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    value = env.get("TRUSTED_PROXIES", "")
    accepted = "addresses or networks of proxies are accepted, with commas: 127.0.0.1,10.0.0.0/8"
    try:
        networks = tuple(ipaddress.ip_network(text.strip()) for text in value.split(",") if value)
    except ValueError:
        raise ConfigError("TRUSTED_PROXIES", value, accepted) from None
    if not all(network.prefixlen for network in networks):
        raise ConfigError("TRUSTED_PROXIES", value, f"would believe everybody; {accepted}")
    return networks


def _cors_origins(env: Mapping[str, str]) -> tuple[str, ...]:
    value = env.get("CORS_ORIGINS", "")
    origins = tuple(text.strip().lower() for text in value.split(",") if value)
    if not all(ORIGIN.fullmatch(origin) for origin in origins):
        accepted = "origins of browser apps are accepted, with commas: https://floor.example.com,http://localhost:5173"
        raise ConfigError("CORS_ORIGINS", value, accepted)
    return origins


def _url(env: Mapping[str, str], name: str, such_as: tuple[str, str] = WEB_ADDRESSES) -> str | None:
    value = env.get(name)
    scheme, example = such_as
    if value is not None and ("?" in value or not _is_url(value, scheme)):
        raise ConfigError(name, value, f"a URL such as {example} is accepted, without query")
    return value and value.rstrip("/")


def _is_url(value: str, scheme: str = "http") -> bool:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in {scheme, f"{scheme}s"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    return sound and "#" not in value and not re.search(r"\s", value)


def _database(env: Mapping[str, str], var: Path) -> URL:
    name, value = "DATABASE_URL", env.get("DATABASE_URL")
    if value is None:
        return URL.create("sqlite", database=str(var / "amends.db"))
    accepted = "sqlite:///path/to/file.db or postgresql+psycopg://user:password@host/database is accepted"
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ConfigError(name, value, accepted) from None
    if url.drivername not in DRIVERS:
        raise ConfigError(name, value, accepted)
    url = url.set(drivername=DRIVERS[url.drivername])
    if url.drivername != "sqlite":
        if not url.database:
            raise ConfigError(name, value, f"the name of the database is missing; {accepted}")
        return url
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ConfigError(name, value, "web and worker share it, so on SQLite it has to be the path of a file")
    path = Path(url.database).absolute()
    if not path.parent.is_dir():
        raise ConfigError(name, value, f"the folder {path.parent} does not exist")
    return url.set(database=str(path))


def _web_workers(env: Mapping[str, str], database: URL) -> int:
    if database.drivername != "sqlite":
        return _number(env, "WEB_WORKERS", 2, 1, 64)
    workers = _number(env, "WEB_WORKERS", 1, 1, 64)
    if workers > 1:
        accepted = "SQLite has one writer, so only 1 is accepted; use PostgreSQL (DATABASE_URL) for more"
        raise ConfigError("WEB_WORKERS", str(workers), accepted)
    return workers


def _secret_key(env: Mapping[str, str], host: str, var: Path) -> str:
    key = env.get("SECRET_KEY")
    if key is None and is_loopback(host):
        file = var / SECRET_KEY_FILE
        try:
            key = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise ConfigError("SECRET_KEY", "", "is not set: start with 'make run', or set it") from None
        except (OSError, ValueError):
            raise ConfigError("SECRET_KEY", "", f"is not set and {file} cannot be read") from None
    if key is None:
        raise ConfigError("SECRET_KEY", "", f"is required when HOST ({host}) can be reached from other machines")
    if len(key) < MIN_SECRET_KEY_LENGTH:
        raise ConfigError("SECRET_KEY", "", f"is too short: at least {MIN_SECRET_KEY_LENGTH} characters are accepted")
    return key


def _credentials(env: Mapping[str, str]) -> Path | None:
    name, value = "GOOGLE_APPLICATION_CREDENTIALS", env.get("GOOGLE_APPLICATION_CREDENTIALS")
    if value is None:
        return None
    accepted = "the path of a service account's JSON file is accepted"
    try:
        document = json.loads(Path(value).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(name, value, f"{(error.strerror or 'cannot be read').lower()}; {accepted}") from None
    except ValueError:  # neither text nor JSON
        raise ConfigError(name, value, f"is not JSON; {accepted}") from None
    if not isinstance(document, dict) or document.get("type") != "service_account":
        raise ConfigError(name, value, f'has no "type": "service_account"; {accepted}')
    return Path(value).absolute()


def _public_url(env: Mapping[str, str], host: str, port: int) -> str:
    """Return the address people use. Where mails go out it is one that their readers can open."""
    value = _url(env, "PUBLIC_URL") or f"http://{_bracketed(host)}:{port}"
    parts = urlsplit(value)
    if parts.path:
        accepted = "has a path; Amends needs a host of its own, such as https://amends.example.com"
        raise ConfigError("PUBLIC_URL", value, accepted)
    mail_server = urlsplit(env.get("SMTP_URL", "")).hostname
    if mail_server and not _can_be_opened(parts.hostname or "", by_others=not is_loopback(mail_server)):
        accepted = "readers of mails cannot open their links there; with SMTP_URL the address people use is required"
        raise ConfigError("PUBLIC_URL", value, accepted)
    return value


def _can_be_opened(host: str, *, by_others: bool) -> bool:
    """Return whether a browser can open this host: not 0.0.0.0, and a loopback address on this machine only."""
    return not is_unspecified(host) and not (by_others and is_loopback(host))


def _smtp_from(env: Mapping[str, str]) -> str | None:
    value = env.get("SMTP_FROM")
    if value is None and "SMTP_URL" in env:
        raise ConfigError("SMTP_FROM", "", "is required with SMTP_URL: the address that mails come from")
    if value is not None and not (value.isprintable() and SENDER.fullmatch(value)):
        raise ConfigError("SMTP_FROM", value, "an address such as Amends <amends@example.com> is accepted")
    return value


def _seed_demo(env: Mapping[str, str]) -> bool | None:
    value = env.get("SEED_DEMO")
    if value is not None and value.lower() not in YES_OR_NO:
        raise ConfigError("SEED_DEMO", value, "1 (always), 0 (never) or nothing (into an empty local one) is accepted")
    return None if value is None else YES_OR_NO[value.lower()]


def _log_format(env: Mapping[str, str]) -> LogFormat:
    value = env.get("LOG_FORMAT", "console")
    if value not in get_args(LogFormat):
        raise ConfigError("LOG_FORMAT", value, "console or json is accepted")
    return cast("LogFormat", value)


def _ratelimit_storage(env: Mapping[str, str]) -> str:
    value = env.get("RATELIMIT_STORAGE_URL", "database").removesuffix("://")  # before 0.2.0 it was memory://
    if value not in ("database", "memory") and not re.fullmatch(r"rediss?://[^\s/]+(/[0-9]*)?", value):
        raise ConfigError("RATELIMIT_STORAGE_URL", value, "database, memory or redis://host:6379/0 is accepted")
    return value


def _dead_man(env: Mapping[str, str]) -> str | None:
    value = env.get("DEAD_MAN_URL")
    if value is not None and not _is_url(value):
        raise ConfigError(
            "DEAD_MAN_URL", "", "is not a URL such as https://watch.example.com/ping/42"
        )  # it may be a secret
    return value


def set_up_logging(config: Config) -> None:
    """Send all log lines, also those of libraries, through one renderer to standard error, with UTC times.

    Each line has the values bound with `structlog.contextvars`, such as the request id. Standard output stays free for
    the results of commands.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    renderers: list[structlog.typing.Processor]
    if config.log_format == "json":
        renderers = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # rich would show local variables, with names and phone numbers among them.
        plain = structlog.dev.plain_traceback
        renderers = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    handler = logging.StreamHandler()
    handler.set_name("amends")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    # Replace only our own handler: a test runner has another one on the same logger.
    root.handlers = [*(other for other in root.handlers if other.get_name() != "amends"), handler]
    root.setLevel(logging.INFO)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # lists its own parts at every import
    if config.log_format == "console":
        logging.getLogger("alembic").setLevel(logging.WARNING)  # a terminal is for people
    logging.captureWarnings(capture=True)
