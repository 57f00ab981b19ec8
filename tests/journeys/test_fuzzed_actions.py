"""Every parameter of every KMS action with values nobody should send: a documented code or success, never a failure of ours.

Generated from the registry. What was refused has changed nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from keystead.api.kms import KMS
from keystead.gate.registry import Action
from keystead.store import metadata
from tests.journeys.test_cross_account import CONTEXT_FREE, EXTRA, LISTS
from tests.world import Tenant, World

STATUSES = {200, 400, 403, 404, 409, 413}
TABLES = (
    "kms_key",
    "key_version",
    "key_alias",
    "resource_tag",
    "key_policy",
    "instance",
    "job",
    "access_point",
    "permission_policy",
    "network_rule",
    "client_key",
)
BAD = [
    "",
    " ",
    "x" * 20_000,
    "a\x00b",
    "ключ-Ω-🔑",
    "../../etc/passwd",
    "%2e%2e%2f",
    "alias/" + "x" * 300,
    "alias/acs/oss",
    "acs:kms:ap-southeast-1:1000000000000001:key/key-soz00000000aaaaaaaaaa",
    "acs:",
    "-1",
    "0",
    "99999999999999999999",
    "1e3",
    "NaN",
    "yes",
    "null",
    "{}",
    "[]",
    "[" * 5_000,
    '{"a":' * 200,
    '[{"TagKey":"\\u0000"}]',
    '[{"TagKey":null}]',
    '{"Version":"1","Statement":[{"Effect":"Allow","Principal":{"RAM":["*"]},"Action":["kms:*"],"Resource":["*"]}]}',
    "'; DROP TABLE kms_key; --",
    "\ufeff",
    "\u202e\u0301",
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tenant, dict[str, str]]]:
    """A tenant with a key, a ciphertext, an alias; what each resource parameter is to name."""
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    world = World(f"sqlite:///{folder / 'keystead.db'}", folder / "var")
    tenant = world.tenant()
    instance_id = tenant.instance()
    key_id = tenant.key(instance_id)
    tenant.kms("CreateAlias", AliasName="alias/mine", KeyId=key_id)
    asked = {"Permissions": CONTEXT_FREE["Permissions"], "Resources": CONTEXT_FREE["Resources"]}
    assert tenant.kms("CreatePolicy", Name="owners", KmsInstance=instance_id, **asked).status == 200
    assert tenant.kms("CreateApplicationAccessPoint", Name="owners", Policies='["owners"]').status == 200
    assert tenant.kms("CreateNetworkRule", Name="owners", Type="Private", SourcePrivateIp="10.0.0.1").status == 200
    named = {
        "Name": "owners",
        "AapName": "owners",
        "ClientKeyId": tenant.kms("CreateClientKey", AapName="owners", Password="Passw0rd").body["ClientKeyId"],
        "KmsInstance": instance_id,
        "KeyId": key_id,
        "DestinationKeyId": key_id,
        "ResourceId": key_id,
        "AliasName": "alias/mine",
        "KmsInstanceId": instance_id,
        "KeyVersionId": tenant.kms("DescribeKey", KeyId=key_id).body["KeyMetadata"]["PrimaryKeyVersion"],
        "CiphertextBlob": tenant.kms("Encrypt", KeyId=key_id, Plaintext="aGVsbG8=").body["CiphertextBlob"],
    }
    yield tenant, named
    world.close()


def contents(tenant: Tenant) -> dict[str, list[tuple[object, ...]]]:
    """All rows of what an action on keys could change."""
    with tenant.world.service.store.read() as tx:
        return {name: sorted(map(tuple, tx.execute(select(metadata.tables[name]))), key=repr) for name in TABLES}


def sound(action: Action, named: dict[str, str]) -> dict[str, object]:
    """The action's required parameters as they should be."""
    flat: dict[str, object] = dict(EXTRA.get(action.name, {}))
    for field in action.plan:
        if field.required and field.wire not in LISTS:
            flat[field.wire] = named.get(field.wire, CONTEXT_FREE.get(field.wire, ""))
        elif field.required and field.wire in named:
            flat[f"{field.wire}.1"] = named[field.wire]
    return flat


@pytest.mark.parametrize("action", KMS.actions.values(), ids=lambda action: action.name)
def test_bad_values_one_at_a_time(stage: tuple[Tenant, dict[str, str]], action: Action) -> None:
    """Each parameter with each bad value, all others as they should be."""
    tenant, named = stage
    codes: Counter[str] = Counter()
    before = contents(tenant)
    for field in action.plan:
        for bad in BAD:
            for wire in (field.wire, f"{field.wire}.1", f"{field.wire}.1.Key") if field.dotted else (field.wire,):
                flat = sound(action, named)
                flat = {name: value for name, value in flat.items() if not name.startswith(f"{field.wire}.")} | {wire: bad}
                reply = tenant.kms(action.name, **flat)
                assert reply.status in STATUSES, (wire, bad[:60], reply.body)
                assert reply.code != "InternalFailure", (wire, bad[:60])
                codes[reply.code or "ok"] += 1
                if reply.status == 200:
                    before = contents(tenant)
                else:
                    assert reply.body["Message"], (wire, bad[:60])
                    assert contents(tenant) == before, (wire, bad[:60])
    print(f"{action.name}: {sum(codes.values())} tried, {dict(codes)}")


@pytest.mark.parametrize("action", KMS.actions.values(), ids=lambda action: action.name)
def test_every_required_parameter_is_missed_by_name(stage: tuple[Tenant, dict[str, str]], action: Action) -> None:
    """Left out or empty, a required parameter is MissingParameter, and named."""
    tenant, named = stage
    for field in action.plan:
        if field.required:
            flat = {name: value for name, value in sound(action, named).items() if name.split(".")[0] != field.wire}
            reply = tenant.kms(action.name, **flat)
            assert (reply.status, reply.code) == (400, "MissingParameter"), (action.name, field.wire, reply.body)
            assert f'"{field.wire}"' in reply.body["Message"]
