"""What the supervisor sees to before any process gets its orders: one step a function, each safe to be killed in."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Final

import msgspec

from keystead import app
from keystead.access import commands as access
from keystead.access import rows as access_rows
from keystead.access.faults import AccountUnknown
from keystead.access_log.journal import recover
from keystead.catalog import rules as catalog
from keystead.catalog.commands import load_catalogue
from keystead.catalog.faults import RegionUnknown
from keystead.cli.certificates import ServerFiles, ensure_certificates, write_whole
from keystead.cli.target import StoreUnreachable
from keystead.clock import SystemClock
from keystead.faults import StateFault
from keystead.gate.dedicated.hosts import SERVICE
from keystead.ledger import commands as ledger
from keystead.money import Money
from keystead.settings import Settings, SettingsError
from keystead.store import Store, business_time, outbox
from keystead.store.engine import database_url
from keystead.store.migrations import upgrade

DEMO_FILE: Final = "demo-account.json"
DEMO_NAME: Final = "demo"
DEMO_BALANCE: Final = "10000.00"


class ClockChanged(StateFault):
    """The deployment has another kind of clock than it is started with."""


class DemoAccount(msgspec.Struct, frozen=True):
    """The demo account's credentials, as its file keeps them."""

    account_id: str
    access_key_id: str
    access_key_secret: str

    def __repr__(self) -> str:
        """Show the id only: a repr ends up in logs."""
        return f"DemoAccount({self.access_key_id})"


def ready_proxies(settings: Settings) -> None:
    """Refuse proxies that are no ranges of addresses, here rather than in every worker: SettingsError."""
    app.proxies_of(settings)


def ready_region(settings: Settings) -> None:
    """Refuse a default region in which nothing can be bought: SettingsError."""
    try:
        catalog.region_of(load_catalogue(), settings.default_region)
    except RegionUnknown as fault:
        raise SettingsError(f"default_region: {fault.reason} docs/regions.md has all of them") from None


def ready_store(settings: Settings) -> None:
    """Bring the database to this version's schema and set the clock; StoreUnreachable or ClockChanged says what is wrong."""
    start = app.manual_start(settings)
    url = database_url(settings.data_path, settings.database or None)
    try:
        upgrade(url)
    except Exception as error:
        raise StoreUnreachable(error) from error
    store = app.store_of(settings)
    try:
        app.refuse_a_lost_root_key(settings, store)
        if start is not None:
            with store.write() as tx:
                business_time.begin(tx, start)
            return
        with store.read() as tx:
            standing = business_time.standing(tx)
        if standing is not None:
            raise ClockChanged(
                f"this deployment runs on a manual clock, standing at {standing.isoformat()}: start it with --clock manual:…"
            )
    finally:
        store.close()


def ready_files(settings: Settings, hosts: list[str]) -> ServerFiles:
    """Recover the journals, make the root key on first use, and see to the certificates."""
    recover(app.journal_folder(settings))
    app.keystore_of(settings)
    names = [*hosts, f"*.{SERVICE}.{settings.instance_domain}"]
    return ensure_certificates(settings.data_path, names, SystemClock().read().wall)


def ready_mail(settings: Settings) -> None:
    """Keep in the store whether there is a mail server; SettingsError for settings of it that do not go together."""
    server = app.mail_server_of(settings)
    store = app.store_of(settings)
    try:
        with store.write() as tx:
            outbox.set_mailing(tx, mailing=server is not None)
    finally:
        store.close()


def ready_payments(settings: Settings) -> None:
    """Make the sandbox's secret on first use; SettingsError for settings of payments that do not go together."""
    path = settings.data_path / app.SANDBOX_SECRET_FILE
    if settings.payment_provider == "sandbox" and not settings.payment_secret_file and not path.exists():
        write_whole(path, f"whsec_{secrets.token_hex(32)}\n".encode(), 0o600)
    app.payment_provider_of(settings)


def empty_folder(folder: Path) -> None:
    """Make the folder anew, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)


def demo_account(settings: Settings) -> DemoAccount:
    """Give the demo account, made on first use with a balance and an access key; a file only the owner may read keeps them."""
    path = settings.data_path / DEMO_FILE
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=DemoAccount)
    store = app.store_of(settings)
    try:
        made = _make_demo_account(settings, store)
    finally:
        store.close()
    write_whole(path, msgspec.json.encode(made), 0o600)
    return made


def _make_demo_account(settings: Settings, store: Store) -> DemoAccount:
    keystore = app.keystore_of(settings)
    with store.write() as tx:
        now = business_time.standing(tx) or SystemClock().read().now
        try:
            account = access.account_named(tx, DEMO_NAME)  # a crash came before its file was written
        except AccountUnknown:
            account = access.create_account(tx, now, DEMO_NAME)
        access_rows.lock_account(tx, account.account_id)
        ledger.credit(tx, now, account.account_id, Money.parse(DEMO_BALANCE, ledger.CURRENCY), "demo-opening", "demo balance")
        key = access.create_access_key(tx, keystore, now, account.account_id)
    return DemoAccount(account.account_id, key.access_key_id, key.secret)
