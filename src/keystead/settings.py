"""Settings: one frozen struct, from a TOML file and the command line. An unknown key stops the start.

docs/settings.md is generated from this struct and checked by a test.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec

Port = Annotated[str, msgspec.Meta(pattern=r"^[^\s]+:\d{1,5}$")]
_DATABASES = ("postgresql://", "postgres://", "postgresql+psycopg://", "sqlite:///")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a deployment may choose."""

    data: str = "var"
    """Folder of the root key, the journal, the certificates and, without `database`, the SQLite store."""
    database: str = ""
    """PostgreSQL URL (`postgresql://user@host/name`); empty means SQLite in the data folder."""
    listen: Port = "127.0.0.1:8080"
    """Plain HTTP listener of the API, HOST:PORT."""
    tls_listen: Port = "127.0.0.1:8443"
    """HTTPS listener of the API (TLS 1.2 and 1.3), HOST:PORT."""
    console_listen: Port = "127.0.0.1:8081"
    """Listener of the console page and of /metrics, HOST:PORT."""
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """How many API processes share the listeners."""
    clock: str = "system"
    """`system`, or `manual:2026-01-01T00:00:00Z` for a business clock that moves only when told."""
    default_region: str = "ap-southeast-1"
    """Region of a request that names none (RegionId parameter or host name)."""
    encryptions_warned: Annotated[int, msgspec.Meta(ge=1, le=2**32)] = 2**31
    """After how many encryptions under one version of a key its owner is warned; GCM allows 2^32 with random IVs."""
    shared_quota_factor: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 1
    """The shared gateway's quotas (requests a second of an account in a region) are the cloud's times this; 0 for none."""
    instance_domain: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9.-]{0,100}[a-z0-9])?$")] = "keystead.internal"
    """Instances answer at `<instance>.cryptoservice.kms.<this>` too, if that name leads here: the certificate is good for it."""
    trusted_proxies: tuple[str, ...] = ()
    """Ranges (`10.0.0.0/8`) of proxies whose X-Forwarded-For is believed: a call came from its rightmost address not in them."""
    log_requests: bool = True
    """Whether each request's record is also written to stderr, one JSON line a request."""
    drain_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 10
    """How long a stop waits for requests in progress."""

    console_url: str = ""
    """How mails name the console; empty means the console's listener."""
    smtp_host: str = ""
    """Mail server that takes notices; empty means notices stay in the message centre."""
    smtp_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    """Its port: usually 587 for `starttls`, 465 for `tls`, 25 for `none`."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls` (refused by a server without it: not sent), `tls` from the first byte, or `none`, which allows no login."""
    smtp_ca_file: str = ""
    """Certificates (PEM) to trust the mail server by; empty means the system's."""
    smtp_login: str = ""
    """Name to log in as; empty means no login."""
    smtp_password_file: str = ""
    """File whose first line is the password."""
    smtp_sender: str = ""
    """Address that notices come from, such as `Keystead <notices@example.com>`; needed with `smtp_host`."""
    smtp_tries: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    """After how many tries in vain a mail is given up: 20 take about 14 hours."""

    payment_provider: Literal["", "stripe", "sandbox"] = ""
    """Who takes top-ups: `stripe`, `sandbox` for use without one, or empty for nobody (then there is no webhook)."""
    payment_secret_file: str = ""
    """File of the webhook's secret, one a line while one replaces another; the sandbox makes its own if none is named."""
    payment_link: str = ""
    """The provider's payment page; a top-up's id is added to it as `client_reference_id`."""
    payment_tolerance_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 300
    """How far the time of a webhook's signature may be from ours."""

    @property
    def data_path(self) -> Path:
        """The data folder as a path."""
        return Path(self.data)


class SettingsError(Exception):
    """The settings file or a flag is not acceptable; the sentence names the key."""


def load_settings(path: Path | None, overrides: dict[str, Any]) -> Settings:
    """Read the TOML file at `path` (if any) and lay the command line's values over it; SettingsError names what is wrong."""
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            message = f"cannot read the settings file {path}: {error.strerror}"
            raise SettingsError(message) from None
        except tomllib.TOMLDecodeError as error:
            message = f"{path}: {error}"
            raise SettingsError(message) from None
    raw.update({key: value for key, value in overrides.items() if value is not None})
    try:
        made = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_plainly(str(error))) from None
    if made.database and not made.database.startswith(_DATABASES):
        message = f"database: {made.database.partition(':')[0]!r} is not known: postgresql://user@host/name, or none for SQLite"
        raise SettingsError(message)
    return made


def _plainly(told: str) -> str:
    """Put a sentence of msgspec's the way the other mistakes are told: the key, then what is wrong with it."""
    reason, _, key = told.partition(" - at `$.")
    key = key.rstrip("`")
    if "unknown field" in reason:
        return f"{reason.split('`')[1]}: there is no such setting; docs/settings.md has all of them"
    if Settings.__annotations__.get(key) == "Port":
        reason = "Expected HOST:PORT, such as 127.0.0.1:8080"
    elif key in Settings.__annotations__ and "enum value" in reason:
        reason += f", expected {' or '.join(map(repr, get_args(get_type_hints(Settings)[key])))}"
    return f"{key}: {reason}" if key else f"settings: {reason}"
