"""The migrations make exactly the schema that the code declares, on both databases, once and on rows that are there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select, text

import keystead.app
import keystead.gate.life
import keystead.store.migrations
from keystead.keyring import rows as keyring_rows
from keystead.keyring.model import ProtectionLevel
from keystead.store import metadata, open_store
from keystead.store.events import event
from keystead.store.migrations import current, upgrade


def test_migrated_schema_is_the_declared_one(database_url: str) -> None:
    """Alembic finds nothing to add, drop or change between the tables in the code and a migrated database."""
    assert keystead.app.PRODUCTS_SERVED
    assert keystead.gate.life.live.__doc__  # the two imports declare every table
    store = open_store(database_url)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    store.close()


def test_upgrade_twice_keeps_rows(empty_database_url: str) -> None:
    """A second upgrade changes nothing, rows included."""
    upgrade(empty_database_url)
    store = open_store(empty_database_url)
    with store.write() as tx:
        tx.execute(insert(event).values(kind="k", subject="s", account_id="1", at_ms=0, detail="{}"))
    upgrade(empty_database_url)
    assert current(store)
    with store.read() as tx:
        assert tx.execute(select(event.c.kind)).scalars().all() == ["k"]
    store.close()


ORDERS_OF_0001 = """
INSERT INTO account VALUES ('1000000000000001', 'tenant', '', 0);
INSERT INTO purchase_order VALUES ('1', '1000000000000001', 'New', 'Paid', 'kst-1', 'ap-southeast-1', 'kms',
 'kms_ddi_public_intl', 'kms-international-1', 1, '[["Spec","1000"]]', 'USD', 50000, 0, 50000, 0, 10, '', 0, 0);
INSERT INTO purchase_order VALUES ('2', '1000000000000001', 'Renew', 'Paid', 'kst-1', 'ap-southeast-1', 'kms',
 'kms_ddi_public_intl', 'kms-international-1', 1, '[["Spec","1000"]]', 'USD', 50000, 0, 50000, 10, 20, '', 0, 0);
INSERT INTO order_line VALUES ('1', 1, 'ProductVersion', 50000, 50000, 0, 50000);
INSERT INTO order_line VALUES ('2', 1, 'ProductVersion', 50000, 50000, 0, 50000)
"""


def test_orders_of_the_first_release_are_kept(empty_database_url: str) -> None:
    """A purchase and a renewal from before upgrades and refunds: lines kept, and what the renewal went on from filled in."""
    config = Config()
    config.set_main_option("script_location", str(Path(keystead.store.migrations.__file__).parent))
    store = open_store(empty_database_url)
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in ORDERS_OF_0001.split(";"):
            connection.exec_driver_sql(statement)
        connection.commit()
    upgrade(empty_database_url)
    with store.read() as tx:
        found = tx.execute(text("SELECT order_id, original_parameters, renewal_status FROM purchase_order ORDER BY order_id"))
        assert [tuple(row) for row in found] == [
            ("1", "[]", "ManualRenewal"),
            ("2", '[["Spec","1000"]]', "ManualRenewal"),
        ]
        lines = tx.execute(text("SELECT order_id, payable_minor, related_order_id FROM order_line ORDER BY order_id"))
        assert [tuple(row) for row in lines] == [("1", 50000, None), ("2", 50000, None)]
    store.close()


KEYS_OF_0004 = """
INSERT INTO account VALUES ('1000000000000001', 'tenant', '', 0);
INSERT INTO instance_key (instance_id, created_at_ms) VALUES ('kst-1', 0);
INSERT INTO kms_key (key_id, account_id, region, instance_id, creator, state, spec, usage, origin, description,
 primary_version_id, created_at_ms, last_rotation_at_ms) VALUES ('key-1', '1000000000000001', 'ap-southeast-1', 'kst-1',
 '1000000000000001', 'Enabled', 'Aliyun_AES_256', 'ENCRYPT/DECRYPT', 'Aliyun_KMS', 'old', 'key-1-1', 5, 5);
INSERT INTO key_version (version_id, key_id, instance_id, sealed, created_at_ms)
 VALUES ('key-1-1', 'key-1', 'kst-1', CAST('x' AS bytea), 5)
"""


def test_keys_of_0004_are_kept(empty_database_url: str) -> None:
    """A key and its version from before rotation, names and tags: there, unprotected, not rotated, in software."""
    config = Config()
    config.set_main_option("script_location", str(Path(keystead.store.migrations.__file__).parent))
    store = open_store(empty_database_url)
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for statement in KEYS_OF_0004.split(";"):
            connection.exec_driver_sql(statement.replace("bytea", "BLOB") if store.dialect == "sqlite" else statement)
        connection.commit()
    upgrade(empty_database_url)
    with store.read() as tx:
        key = keyring_rows.key_of(tx, "key-1")
        version = keyring_rows.version_of(tx, "key-1-1")
    assert key is not None
    assert version is not None
    assert (key.shape.description, key.shape.protection, key.rotation.wished, key.deletion_protected) == (
        "old",
        ProtectionLevel.SOFTWARE,
        False,
        False,
    )
    assert version.sealed == b"x"
    store.close()


ENCRYPTIONS_OF_0008 = """
INSERT INTO key_version (version_id, key_id, instance_id, sealed, created_at_ms)
 VALUES ('key-1-2', 'key-1', 'kst-1', CAST('x' AS bytea), 6);
INSERT INTO usage_call VALUES ('1000000000000001', '2026-01-01', 'kst-1', 'Encrypt', 3);
INSERT INTO usage_call VALUES ('1000000000000001', '2026-01-02', 'kst-1', 'ReEncrypt', 4);
INSERT INTO usage_call VALUES ('1000000000000001', '2026-01-01', 'kst-1', 'Decrypt', 9);
INSERT INTO usage_call VALUES ('1000000000000001', '2026-01-01', 'kst-2', 'Encrypt', 100)
"""


def test_versions_of_before_start_with_all_that_their_instance_did(empty_database_url: str) -> None:
    """3 + 4 calls that seal and 9 that do not: both versions of the instance start with 7; another's do not."""
    config = Config()
    config.set_main_option("script_location", str(Path(keystead.store.migrations.__file__).parent))
    store = open_store(empty_database_url)
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
        for statement in (KEYS_OF_0004 + ";" + ENCRYPTIONS_OF_0008).split(";"):
            plain = statement if store.dialect == "postgresql" else statement.replace("CAST('x' AS bytea)", "X'78'")
            connection.exec_driver_sql(plain)
        connection.commit()
    upgrade(empty_database_url)
    with store.read() as tx:
        found = tx.execute(text("SELECT version_id, key_id, account_id, instance_id, sealed FROM key_wear ORDER BY version_id"))
        assert [tuple(row) for row in found] == [
            ("key-1-1", "key-1", "1000000000000001", "kst-1", 7),
            ("key-1-2", "key-1", "1000000000000001", "kst-1", 7),
        ]
    store.close()
