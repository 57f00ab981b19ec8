"""The composition root: settings become the open things a process works with. The only maker of adapters."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

import keystead.api.bss
import keystead.api.dkms
import keystead.api.ims
import keystead.api.kms
import keystead.api.ram
import keystead.api.sts
from keystead.access import commands as access
from keystead.access_log.journal import Journal
from keystead.api.payments import webhook
from keystead.catalog.commands import load_catalogue
from keystead.catalog.model import Catalogue, Edition
from keystead.clock import Clock, ManualClock, SystemClock, parse_iso_z
from keystead.faults import Fault
from keystead.gate.call import Service
from keystead.gate.life import Hook
from keystead.gate.signature import NonceMemory
from keystead.gate.throttle import Rates
from keystead.hsm.port import KeyStore
from keystead.hsm.software import SoftwareKeyStore, open_root_key
from keystead.networks import rules as networks
from keystead.networks.model import Network
from keystead.notices.smtp import MailServer
from keystead.payments.port import CheckoutProvider
from keystead.payments.sandbox import Sandbox
from keystead.quotas.shared import load_shared_quotas
from keystead.quotas.tiers import load_tiers
from keystead.settings import Settings, SettingsError
from keystead.store import Store, Transaction, Warm, business_time, open_store
from keystead.store.engine import database_url
from keystead.store.leases import open_rates

ROOT_KEY_FILE: Final = "root.key"
AUTHORITY_FILE: Final = "ca.pem"
JOURNAL_FOLDER: Final = "journal"
SANDBOX_SECRET_FILE: Final = "payment-sandbox.secret"  # noqa: S105 - the name of its file
PRODUCTS_SERVED: Final = (
    keystead.api.kms.KMS,
    keystead.api.bss.BSS,
    keystead.api.ram.RAM,
    keystead.api.sts.STS,
    keystead.api.ims.IMS,
)
PRODUCTS_SHOWN: Final = (*PRODUCTS_SERVED, keystead.api.dkms.DKMS)
"""Those of the JSON API, and the dedicated gateway's."""


class RootKeyLost(Fault):
    """The database is sealed under a root key that is not in the data folder."""

    def __init__(self, path: Path) -> None:
        """Say where it should be."""
        super().__init__(f"{path} is missing, and the database was sealed under it: put the deployment's root key there")


def store_of(settings: Settings) -> Store:
    """Open the deployment's database."""
    settings.data_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return open_store(database_url(settings.data_path, settings.database or None))


def keystore_of(settings: Settings) -> SoftwareKeyStore:
    """Open the deployment's root key."""
    return SoftwareKeyStore(open_root_key(settings.data_path / ROOT_KEY_FILE))


def catalogue_of(keystore: KeyStore) -> Catalogue:
    """Give what is for sale; only what the key store can hold is delivered."""
    delivered = frozenset(Edition) if keystore.hardware else frozenset({Edition.SOFTWARE})
    return msgspec.structs.replace(load_catalogue(), delivered=delivered)


def refuse_a_lost_root_key(settings: Settings, store: Store) -> None:
    """Raise RootKeyLost where the database has accounts but the folder no root key: a new key would open nothing of it."""
    path = settings.data_path / ROOT_KEY_FILE
    with store.read() as tx:
        if not path.exists() and access.accounts(tx):
            raise RootKeyLost(path)


def manual_start(settings: Settings) -> datetime | None:
    """Give where a manual clock starts; None for the system clock. SettingsError for anything else."""
    if settings.clock == "system":
        return None
    kind, _, start = settings.clock.partition(":")
    try:
        if kind == "manual":
            return parse_iso_z(start)
    except ValueError:
        pass
    message = f"clock: {settings.clock!r} is neither 'system' nor 'manual:2026-01-01T00:00:00Z'"
    raise SettingsError(message)


def mail_server_of(settings: Settings) -> MailServer | None:
    """Give the mail server that notices go through; None if there is none. SettingsError for settings that do not go together."""
    if not settings.smtp_host:
        return None
    password = ""
    if settings.smtp_login:
        if settings.smtp_security == "none":
            raise SettingsError("smtp_login: a password is not sent in clear; set smtp_security to starttls or tls")
        try:
            password = (Path(settings.smtp_password_file).read_text("utf-8").splitlines() or [""])[0]
        except OSError as error:
            raise SettingsError(f"smtp_password_file: cannot read {settings.smtp_password_file!r}: {error.strerror}") from None
    server = MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.smtp_sender,
        ca_file=settings.smtp_ca_file,
        login=settings.smtp_login,
        password=password,
    )
    if not server.domain or not settings.smtp_sender.isprintable():
        raise SettingsError("smtp_sender: an address such as 'Keystead <notices@example.com>' is needed with smtp_host")
    return server


def payment_provider_of(settings: Settings) -> CheckoutProvider | None:
    """Give who takes top-ups; None for nobody. SettingsError for settings that do not go together."""
    tolerance = timedelta(seconds=settings.payment_tolerance_seconds)
    if not settings.payment_provider:
        return None
    if settings.payment_provider == "stripe" and not settings.payment_secret_file:
        raise SettingsError("payment_secret_file: the webhook's secret is needed with payment_provider")
    path = Path(settings.payment_secret_file or settings.data_path / SANDBOX_SECRET_FILE)
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        hint = "" if settings.payment_secret_file else "; the server makes it when it is started with these settings"
        raise SettingsError(f"payment_secret_file: cannot read {str(path)!r}: {error.strerror}{hint}") from None
    known = [line.strip() for line in lines if line.strip()]
    if not known:
        raise SettingsError(f"payment_secret_file: {str(path)!r} holds no secret")
    if settings.payment_provider == "sandbox":
        return Sandbox(known[0], tolerance)
    return CheckoutProvider(settings.payment_provider, known, settings.payment_link, tolerance)


def hooks_of(settings: Settings) -> Mapping[str, Hook]:
    """Give what answers on the API's listeners beside the products."""
    provider = payment_provider_of(settings)
    return {} if provider is None else {webhook.PATH: webhook.Webhook(provider)}


def proxies_of(settings: Settings) -> tuple[Network, ...]:
    """Give the ranges of the proxies that are believed; SettingsError for what is none."""
    try:
        return networks.networks_of(settings.trusted_proxies)
    except ValueError as error:
        raise SettingsError(f"trusted_proxies: {error}") from None


def clock_of(settings: Settings, warm: Warm) -> Clock:
    """Give the deployment's clock; a manual one stands where the store says, seen by all processes alike."""
    if manual_start(settings) is None:
        return SystemClock()
    return ManualClock(lambda: warm.get(business_time.KIND, "now", _standing))


def open_service(settings: Settings, name: str) -> Service:
    """Open everything a process needs to serve calls; `name` tells its journal file apart."""
    store = store_of(settings)
    warm = Warm(store)
    clock = clock_of(settings, warm)
    keystore = keystore_of(settings)
    catalogue = catalogue_of(keystore)
    journal = Journal(journal_folder(settings), f"{name}-{os.getpid()}-{secrets.token_hex(4)}", echo=settings.log_requests)
    return Service(
        settings=settings,
        clock=clock,
        store=store,
        warm=warm,
        keystore=keystore,
        catalogue=catalogue,
        rates=Rates(open_rates(settings.data_path, store)),
        nonces=NonceMemory(),
        journal=journal,
        shared_quotas=load_shared_quotas(settings.shared_quota_factor),
        tiers=load_tiers(),
        regions=frozenset(region.id for region in catalogue.regions if not region.closed),
        authority=authority_of(settings),
        proxies=proxies_of(settings),
    )


def close_service(service: Service) -> None:
    """Close what `open_service` opened: the journal last written, then the threads, then the store."""
    service.rates.close()
    service.journal.close()
    service.warm.close()
    service.store.close()


def authority_of(settings: Settings) -> str:
    """Give the certificate of the deployment's authority; empty before the first server made it."""
    try:
        return (settings.data_path / AUTHORITY_FILE).read_text("ascii")
    except FileNotFoundError:
        return ""


def journal_folder(settings: Settings) -> Path:
    """Give the folder of the journal files."""
    return settings.data_path / JOURNAL_FOLDER


def _standing(tx: Transaction) -> datetime:
    standing = business_time.standing(tx)
    if standing is None:
        message = "this deployment has no manual clock"
        raise SettingsError(message)
    return standing
