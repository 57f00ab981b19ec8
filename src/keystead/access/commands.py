"""What is done with accounts and access keys."""

from __future__ import annotations

from datetime import datetime

from keystead import ids
from keystead.access import rows, rules
from keystead.access.faults import AccessKeyInactive, AccessKeyNotFound, AccountExists, AccountUnknown, ServiceUnknown
from keystead.access.model import AccessKey, Account, Credential, KeyStatus, MintedKey, ServiceKey
from keystead.hsm.port import KeyStore
from keystead.store import Transaction, Warm

SEALED_KIND = "access_key"


def create_account(tx: Transaction, now: datetime, name: str, email: str = "") -> Account:
    """Make an account; AccountNameInvalid or AccountExists if the name will not do."""
    if rows.account_named(tx, rules.checked_name(name)) is not None:
        raise AccountExists(name)
    account = Account(ids.account_id(), name, email, now)
    rows.add_account(tx, account)
    return account


def account_named(tx: Transaction, name: str) -> Account:
    """Give the account of this name or 16-digit id; AccountUnknown if there is none."""
    account = rows.account_named(tx, name) or rows.account_of(tx, name)
    if account is None:
        raise AccountUnknown(name)
    return account


def accounts(tx: Transaction) -> list[Account]:
    """Give every account, oldest first."""
    return rows.accounts(tx)


def create_access_key(tx: Transaction, keystore: KeyStore, now: datetime, account_id: str, user_id: str = "") -> MintedKey:
    """Make an access key for an account, or for one of its users; its secret is in the answer and nowhere else in clear."""
    rows.lock_account(tx, account_id)
    minted = MintedKey(ids.access_key_id(), ids.access_key_secret())
    sealed = keystore.seal_secret(SEALED_KIND, minted.access_key_id, minted.secret.encode())
    rows.add_access_key(tx, AccessKey(minted.access_key_id, account_id, KeyStatus.ACTIVE, now, user_id), sealed)
    return minted


def disable_access_key(tx: Transaction, access_key_id: str) -> AccessKey:
    """Have every worker refuse the key from the moment it sees this commit; disabling twice is disabling once."""
    found = rows.sealed_access_key(tx, access_key_id)
    if found is None:
        raise AccessKeyNotFound(access_key_id)
    rows.set_status(tx, access_key_id, KeyStatus.INACTIVE)
    key, _ = found
    return AccessKey(key.access_key_id, key.account_id, KeyStatus.INACTIVE, key.created_at, key.user_id)


def access_keys(tx: Transaction, account_id: str) -> list[AccessKey]:
    """Give an account's access keys, oldest first."""
    return rows.access_keys(tx, account_id)


def register_service(tx: Transaction, keystore: KeyStore, now: datetime, name: str) -> MintedKey:
    """Make a service of the deployment, or give one that is there another access key; ServiceNameInvalid.

    Its secret is in the answer and nowhere else in clear.
    """
    minted = MintedKey(ids.access_key_id(), ids.access_key_secret())
    key = ServiceKey(minted.access_key_id, rules.checked_service(name), KeyStatus.ACTIVE, now)
    rows.add_service_key(tx, key, keystore.seal_secret(SEALED_KIND, minted.access_key_id, minted.secret.encode()))
    return minted


def disable_service(tx: Transaction, name: str, access_key_id: str = "") -> list[ServiceKey]:
    """Have every worker refuse a service's access keys, or the one named; gives all that the service has.

    ServiceUnknown or AccessKeyNotFound for what is not there; disabling twice is disabling once.
    """
    keys = [key for key in rows.service_keys(tx) if key.service == name]
    if not keys:
        raise ServiceUnknown(name)
    if access_key_id and access_key_id not in {key.access_key_id for key in keys}:
        raise AccessKeyNotFound(access_key_id)
    for key in keys:
        if access_key_id in {"", key.access_key_id}:
            rows.set_service_status(tx, key.access_key_id, KeyStatus.INACTIVE)
    return [key for key in rows.service_keys(tx) if key.service == name]


def service_keys(tx: Transaction) -> list[ServiceKey]:
    """Give the access keys of all services, by service, oldest first."""
    return rows.service_keys(tx)


def credential_of(warm: Warm, keystore: KeyStore, access_key_id: str) -> Credential:
    """Give what the gate checks a signature with, from the worker's cache where it is there.

    AccessKeyNotFound for an unknown id, AccessKeyInactive for a disabled key; `Cold` where a look-up may not block.
    """

    def load(tx: Transaction) -> Credential:
        found = rows.sealed_access_key(tx, access_key_id) or rows.sealed_service_key(tx, access_key_id)
        if found is None:
            raise AccessKeyNotFound(access_key_id)
        key, sealed = found
        secret = keystore.open_secret(SEALED_KIND, access_key_id, sealed).decode()
        if isinstance(key, ServiceKey):
            return Credential(access_key_id, "", secret, key.status, service=key.service)
        return Credential(access_key_id, key.account_id, secret, key.status, key.user_id)

    credential = warm.get(SEALED_KIND, access_key_id, load)
    if credential.status is not KeyStatus.ACTIVE:
        raise AccessKeyInactive(access_key_id)
    return credential
