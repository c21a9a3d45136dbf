"""The settings: what is read, what is refused, and that no line gives a password away."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from config import Config, ConfigError, set_up_logging
from tests.support.log_privacy import log_plain_tracebacks

KEY = "a key long enough to sign with"
POSTGRES = "postgresql+psycopg://amends@db.example.com/amends"


def read(tmp_path: Path, **environ: str) -> Config:
    return Config.from_env({"SECRET_KEY": KEY, **environ}, var=tmp_path)


def test_with_nothing_set_it_is_a_local_trial_on_sqlite(tmp_path):
    config = read(tmp_path)

    assert config.database_url == f"sqlite:///{tmp_path}/amends.db"
    assert (config.bind, config.public_url) == ("127.0.0.1:8000", "http://127.0.0.1:8000")
    assert (config.web_workers, config.web_threads) == (1, 8)
    assert config.is_loopback
    assert config.google_application_credentials is None
    assert config.fcm_endpoint is None
    assert (config.smtp_url, config.smtp_from) == (None, None)
    assert config.seed_demo is None
    assert config.log_format == "console"
    assert config.ratelimit_storage_url == "database"
    assert config.dead_man_url is None
    assert config.cors_origins == ()


def test_an_empty_variable_counts_as_absent(tmp_path):
    assert read(tmp_path, PORT="", DATABASE_URL=" ", SEED_DEMO="") == read(tmp_path)


def test_on_postgresql_two_web_processes_are_the_default(tmp_path):
    assert read(tmp_path, DATABASE_URL=POSTGRES).web_workers == 2
    assert read(tmp_path, DATABASE_URL=POSTGRES, WEB_WORKERS="6").web_workers == 6


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_postgresql_means_the_driver_we_use(tmp_path, scheme):
    config = read(tmp_path, DATABASE_URL=f"{scheme}://me:p%40ss@db:5433/amends?sslmode=require")

    assert config.database_url == "postgresql+psycopg://me:p%40ss@db:5433/amends?sslmode=require"


def test_an_ipv6_address_stands_in_brackets_where_a_port_follows(tmp_path):
    config = read(tmp_path, HOST="::1")

    assert (config.host, config.bind, config.public_url) == ("::1", "[::1]:8000", "http://[::1]:8000")


def test_the_public_url_loses_its_last_slash(tmp_path):
    assert read(tmp_path, PUBLIC_URL="https://amends.example.com/").public_url == "https://amends.example.com"


@pytest.mark.parametrize(
    "env",
    [
        {"SMTP_URL": "smtp://mail.example.com"},
        {"SMTP_URL": "smtp://mail.example.com", "PUBLIC_URL": "http://localhost:8000"},
        {"SMTP_URL": "smtp://127.0.0.1", "HOST": "0.0.0.0", "SECRET_KEY": "k" * 32},
    ],
    ids=str,
)
def test_no_mail_has_an_address_that_its_reader_cannot_open(tmp_path, env):
    with pytest.raises(ConfigError, match=r"^PUBLIC_URL=.*readers of mails cannot open their links there"):
        read(tmp_path, SMTP_FROM="amends@example.com", **env)

    env |= {"PUBLIC_URL": "https://amends.example.com"}
    assert read(tmp_path, SMTP_FROM="amends@example.com", **env).smtp_url == env["SMTP_URL"]


@pytest.mark.parametrize(("value", "meaning"), [("1", True), ("true", True), ("0", False), ("No", False)])
def test_the_demo_can_be_forced_and_forbidden(tmp_path, value, meaning):
    assert read(tmp_path, SEED_DEMO=value).seed_demo is meaning


def test_a_service_account_file_switches_firebase_on(tmp_path):
    file = tmp_path / "account.json"
    file.write_text(json.dumps({"type": "service_account"}))

    assert read(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(file)).google_application_credentials == file


@pytest.mark.parametrize(
    "url", ["smtp://mail.example.com", "smtps://me:p%40ss@mail.example.com:465", "smtp://[::1]:25"]
)
@pytest.mark.parametrize("sender", ["amends@example.com", "Amends <amends@example.com>", "Régua <amends@example.com>"])
def test_a_mail_server_and_a_sender_switch_mails_on(tmp_path, url, sender):
    config = read(tmp_path, SMTP_URL=url, SMTP_FROM=sender, PUBLIC_URL="https://amends.example.com")

    assert (config.smtp_url, config.smtp_from) == (url, sender)


def test_a_mail_server_without_a_sender_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"^SMTP_FROM: is required with SMTP_URL"):
        read(tmp_path, SMTP_URL="smtp://mail.example.com")


@pytest.mark.parametrize(
    "sender",
    ["Amends", "Amends <amends@>", "Amends <amends@example.com", "a@example.com b@example.com", "a@b.c\nBcc: d@b.c"],
)
def test_a_sender_that_is_no_address_is_refused_in_one_line(tmp_path, sender):
    with pytest.raises(ConfigError, match=r"^SMTP_FROM=[^\n]*: an address such as [^\n]* is accepted$"):
        read(tmp_path, SMTP_FROM=sender)


WRONG = [
    ("DATABASE_URL", "mysql://root@localhost/amends"),
    ("DATABASE_URL", "amends.db"),
    ("DATABASE_URL", "sqlite://"),
    ("DATABASE_URL", "sqlite:///:memory:"),
    ("DATABASE_URL", "sqlite:////no/such/folder/amends.db"),
    ("DATABASE_URL", "postgresql://localhost"),
    ("DATABASE_URL", "postgresql://localhost:many/amends"),
    ("HOST", "127.0.0.1:8000"),
    ("HOST", "127.0.0"),
    ("HOST", "a host"),
    ("PORT", "http"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "-1"),
    ("WEB_WORKERS", "0"),
    ("WEB_WORKERS", "2"),
    ("WEB_THREADS", "eight"),
    ("TRUSTED_PROXIES", "1"),
    ("TRUSTED_PROXIES", "proxy.example.com"),
    ("TRUSTED_PROXIES", "127.0.0.1,"),
    ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ("TRUSTED_PROXIES", "0.0.0.0/0"),
    ("CORS_ORIGINS", "*"),
    ("CORS_ORIGINS", "floor.example.com"),
    ("CORS_ORIGINS", "https://floor.example.com/"),
    ("CORS_ORIGINS", "https://floor.example.com,"),
    ("CORS_ORIGINS", "https://.*"),
    ("PUBLIC_URL", "amends.example.com"),
    ("PUBLIC_URL", "ftp://amends.example.com"),
    ("PUBLIC_URL", "https://amends.example.com/?a=b"),
    ("PUBLIC_URL", "https://[::1"),
    ("PUBLIC_URL", "https://example.com/amends"),
    ("KEEPALIVE", "0"),
    ("KEEPALIVE", "a minute"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file.json"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/"),
    ("FCM_ENDPOINT", "localhost:9000"),
    ("SMTP_URL", "mail.example.com:587"),
    ("SMTP_URL", "http://mail.example.com"),
    ("SMTP_URL", "smtp://"),
    ("SMTP_URL", "smtp://me:secret@"),
    ("SMTP_URL", "smtp://mail.example.com:many"),
    ("SMTP_URL", "smtp://mail.example.com?tls=no"),
    ("SEED_DEMO", "perhaps"),
    ("LOG_FORMAT", "xml"),
    ("RATELIMIT_STORAGE_URL", "memcached://localhost"),
    ("RATELIMIT_STORAGE_URL", "redis://"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_in_one_line_that_names_and_shows_it(tmp_path, name, value):
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, **{name: value})

    line = str(refusal.value)
    assert line.startswith(f"{name}=")
    assert "\n" not in line
    assert re.sub(r"//.*@", "//***@", value) in line


def test_whoever_waits_for_a_sign_of_life_is_reached_at_the_very_url_given(tmp_path):
    url = "https://watch.example.com/push/42/?status=up&msg=ok"

    config = read(tmp_path, DEAD_MAN_URL=url)

    assert config.dead_man_url == url
    assert url not in repr(config)


@pytest.mark.parametrize("value", ["watch.example.com/42", "ftp://watch.example.com/42", "https://", "https://a b"])
def test_a_wrong_url_of_the_dead_mans_switch_is_refused_without_being_shown(tmp_path, value):
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, DEAD_MAN_URL=value)

    assert str(refusal.value) == "DEAD_MAN_URL: is not a URL such as https://watch.example.com/ping/42"


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"type": "authorized_user"}', "\udcff"])
def test_a_file_that_is_no_service_account_is_refused(tmp_path, content):
    file = tmp_path / "account.json"
    file.write_text(content, errors="surrogateescape")

    with pytest.raises(ConfigError, match=r"^GOOGLE_APPLICATION_CREDENTIALS="):
        read(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(file))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://me:hunter2@db/amends"),
        ("DATABASE_URL", "postgresql://me:hunter2@db"),
        ("DATABASE_URL", "me:hunter2@db/amends"),
        ("DATABASE_URL", "mysql://db/amends?password=hunter2"),
        ("RATELIMIT_STORAGE_URL", "redis://:hunter2@cache/zero"),
        ("SMTP_URL", "smtp://me:hunter2@mail:many"),
        ("SMTP_URL", "smtp+tls://me:hunter2@mail"),
        ("SMTP_URL", "smtp://me:hunt/er2@mail?password=hunter2"),
        ("SECRET_KEY", "hunter2"),
    ],
)
def test_a_refusal_never_shows_a_password(tmp_path, name, value):
    with pytest.raises(ConfigError) as refusal:
        read(tmp_path, **{name: value})

    assert "hunter2" not in str(refusal.value)


def test_printing_the_settings_shows_no_secret(tmp_path):
    config = read(
        tmp_path,
        DATABASE_URL="postgresql://me:hunter2@db/amends",
        RATELIMIT_STORAGE_URL="redis://:hunter2@db",
        SMTP_URL="smtp://me:hunter2@mail",
        SMTP_FROM="amends@example.com",
        PUBLIC_URL="https://amends.example.com",
    )

    assert "hunter2" not in repr(config)
    assert KEY not in repr(config)


def test_a_local_start_finds_the_key_that_was_made_for_it(tmp_path):
    (tmp_path / "secret_key").write_text(f"{KEY}\n")

    assert Config.from_env({}, var=tmp_path).secret_key == KEY


def test_a_local_start_without_a_key_shows_how_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="make run"):
        Config.from_env({}, var=tmp_path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "amends.example.com"])
def test_who_can_be_reached_from_outside_has_to_bring_a_key(tmp_path, host):
    (tmp_path / "secret_key").write_text(KEY)

    with pytest.raises(ConfigError, match=r"^SECRET_KEY: is required"):
        Config.from_env({"HOST": host}, var=tmp_path)


@pytest.fixture
def _quiet_afterwards() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    log_plain_tracebacks()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("_quiet_afterwards")
def test_every_line_of_the_log_has_one_shape_and_carries_the_request(tmp_path, capsys):
    set_up_logging(read(tmp_path, LOG_FORMAT="json"))
    set_up_logging(read(tmp_path, LOG_FORMAT="json"))
    structlog.contextvars.bind_contextvars(request_id="r-1")

    structlog.get_logger("amends").info("concern logged", mood=1)
    logging.getLogger("gunicorn.error").warning("worker %s is gone", 7)

    out, err = capsys.readouterr()
    ours, theirs = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert (ours["event"], ours["mood"], ours["level"]) == ("concern logged", 1, "info")
    assert (theirs["event"], theirs["logger"]) == ("worker 7 is gone", "gunicorn.error")
    assert {ours["request_id"], theirs["request_id"]} == {"r-1"}
    assert all(line["timestamp"].endswith("Z") for line in (ours, theirs))


@pytest.mark.usefixtures("_quiet_afterwards")
def test_the_console_shows_an_error_with_its_traceback(tmp_path, capsys):
    set_up_logging(read(tmp_path))

    try:
        int("seen")
    except ValueError:
        structlog.get_logger("amends").exception("went wrong")

    assert "ValueError: invalid literal" in capsys.readouterr().err
