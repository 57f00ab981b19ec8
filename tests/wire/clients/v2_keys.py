"""Every key action but cryptography's, a family at a time, with the current Python SDK: run by test_key_families.py.

Arguments: family, endpoint (host:port), access key id, secret, id of a connected instance. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client
from alibabacloud_tea_openapi.models import Config

REGION = "ap-southeast-1"


def code_of(call: Any, request: Any = None) -> str:
    """Give the code a call is refused with."""
    try:
        call() if request is None else call(request)
    except Exception as refusal:  # noqa: BLE001 - whatever class the SDK chose
        return str(getattr(refusal, "code", type(refusal).__name__))
    return "ok"


def aliases(kms: Any, key_id: str) -> dict[str, Any]:
    """Create, update, list, use, delete."""
    other = kms.create_key(models.CreateKeyRequest(dkmsinstance_id=sys.argv[5])).body.key_metadata.key_id
    kms.create_alias(models.CreateAliasRequest(alias_name="alias/sdk", key_id=key_id))
    taken = code_of(kms.create_alias, models.CreateAliasRequest(alias_name="alias/sdk", key_id=other))
    sealed = kms.encrypt(models.EncryptRequest(key_id="alias/sdk", plaintext="aGVsbG8=")).body
    kms.update_alias(models.UpdateAliasRequest(alias_name="alias/sdk", key_id=other))
    by_key = kms.list_aliases_by_key_id(models.ListAliasesByKeyIdRequest(key_id=other)).body
    listed = kms.list_aliases(models.ListAliasesRequest(page_number=1, page_size=10)).body
    kms.delete_alias(models.DeleteAliasRequest(alias_name="alias/sdk"))
    return {
        "taken": taken,
        "sealed_by_first": sealed.key_id == key_id,
        "moved": [(alias.alias_name, alias.key_id == other) for alias in by_key.aliases.alias],
        "arn": listed.aliases.alias[0].alias_arn,
        "total": [by_key.total_count, listed.total_count],
        "gone": code_of(kms.encrypt, models.EncryptRequest(key_id="alias/sdk", plaintext="aGVsbG8=")),
        "id_only": code_of(kms.disable_key, models.DisableKeyRequest(key_id="alias/sdk")),
    }


def tags(kms: Any, key_id: str) -> dict[str, Any]:
    """Both generations of the tag actions."""
    kms.tag_resource(
        models.TagResourceRequest(key_id=key_id, tags='[{"TagKey":"a","TagValue":"1"},{"TagKey":"b","TagValue":"2"}]')
    )
    kms.untag_resource(models.UntagResourceRequest(key_id=key_id, tag_keys='["a"]'))
    one = kms.list_resource_tags(models.ListResourceTagsRequest(key_id=key_id)).body.tags.tag
    kind = {"region_id": REGION, "resource_type": "key"}
    new = [models.TagResourcesRequestTag(key="c", value="3"), models.TagResourcesRequestTag(key="d", value="4")]
    kms.tag_resources(models.TagResourcesRequest(resource_id=[key_id], tag=new, **kind))
    kms.untag_resources(models.UntagResourcesRequest(resource_id=[key_id], tag_key=["c"], **kind))
    wanted = [models.ListTagResourcesRequestTag(key="d", value="4")]
    listed = kms.list_tag_resources(models.ListTagResourcesRequest(tag=wanted, **kind)).body.tag_resources.tag_resource
    kms.untag_resources(models.UntagResourcesRequest(resource_id=[key_id], all=True, **kind))
    left = kms.list_resource_tags(models.ListResourceTagsRequest(key_id=key_id)).body.tags.tag
    return {
        "one": [(tag.tag_key, tag.tag_value, tag.key_id == key_id) for tag in one],
        "listed": [(tag.resource_id == key_id, tag.resource_type, tag.tag_key, tag.tag_value) for tag in listed],
        "left": len(left or []),
    }


def versions(kms: Any, key_id: str) -> dict[str, Any]:
    """Versions and the rotation policy."""
    refused = code_of(kms.create_key_version, models.CreateKeyVersionRequest(key_id=key_id))
    page = kms.list_key_versions(models.ListKeyVersionsRequest(key_id=key_id, page_number=1, page_size=10)).body
    (version,) = page.key_versions.key_version
    asked = models.DescribeKeyVersionRequest(key_id=key_id, key_version_id=version.key_version_id)
    shown = kms.describe_key_version(asked).body.key_version
    kms.update_rotation_policy(
        models.UpdateRotationPolicyRequest(key_id=key_id, enable_automatic_rotation=True, rotation_interval="30d")
    )
    on = kms.describe_key(models.DescribeKeyRequest(key_id=key_id)).body.key_metadata
    kms.update_rotation_policy(models.UpdateRotationPolicyRequest(key_id=key_id, enable_automatic_rotation=False))
    off = kms.describe_key(models.DescribeKeyRequest(key_id=key_id)).body.key_metadata
    return {
        "symmetric": refused,
        "total": page.total_count,
        "same": shown.to_map() == version.to_map(),
        "on": [on.automatic_rotation, on.rotation_interval, bool(on.next_rotation_date)],
        "off": [off.automatic_rotation, off.rotation_interval, off.next_rotation_date],
    }


def deletion(kms: Any, key_id: str) -> dict[str, Any]:
    """Protect, schedule, cancel."""
    arn = kms.describe_key(models.DescribeKeyRequest(key_id=key_id)).body.key_metadata.arn
    protect = {"protected_resource_arn": arn, "deletion_protection_description": "kept"}
    schedule = models.ScheduleKeyDeletionRequest(key_id=key_id, pending_window_in_days=7)
    kms.set_deletion_protection(models.SetDeletionProtectionRequest(enable_deletion_protection=True, **protect))
    shown = kms.describe_key(models.DescribeKeyRequest(key_id=key_id)).body.key_metadata
    protected = code_of(kms.schedule_key_deletion, schedule)
    kms.set_deletion_protection(models.SetDeletionProtectionRequest(enable_deletion_protection=False, **protect))
    short = code_of(kms.schedule_key_deletion, models.ScheduleKeyDeletionRequest(key_id=key_id, pending_window_in_days=6))
    kms.schedule_key_deletion(schedule)
    pending = kms.describe_key(models.DescribeKeyRequest(key_id=key_id)).body.key_metadata
    refused = code_of(kms.encrypt, models.EncryptRequest(key_id=key_id, plaintext="aGVsbG8="))
    kms.cancel_key_deletion(models.CancelKeyDeletionRequest(key_id=key_id))
    kept = kms.describe_key(models.DescribeKeyRequest(key_id=key_id)).body.key_metadata
    return {
        "shown": [shown.deletion_protection, shown.deletion_protection_description],
        "protected": protected,
        "short": short,
        "pending": [pending.key_state, bool(pending.delete_date)],
        "refused": refused,
        "kept": [kept.key_state, kept.delete_date or ""],
    }


def policies(kms: Any, key_id: str) -> dict[str, Any]:
    """The default policy, and one of one's own."""
    default = kms.get_key_policy(models.GetKeyPolicyRequest(key_id=key_id, policy_name="default")).body.policy
    mine = json.loads(default)
    mine["Statement"][0]["Sid"] = "mine"
    kms.set_key_policy(models.SetKeyPolicyRequest(key_id=key_id, policy_name="default", policy=json.dumps(mine)))
    again = kms.get_key_policy(models.GetKeyPolicyRequest(key_id=key_id)).body.policy
    bad = code_of(kms.set_key_policy, models.SetKeyPolicyRequest(key_id=key_id, policy="{}"))
    return {"default": json.loads(default)["Statement"][0]["Sid"], "same": json.loads(again) == mine, "bad": bad}


def service(kms: Any, key_id: str) -> dict[str, Any]:
    """Regions, status, description, ReEncrypt, CreateKey with everything."""
    kms.update_key_description(models.UpdateKeyDescriptionRequest(key_id=key_id, description="é *~"))
    made = kms.create_key(
        models.CreateKeyRequest(
            dkmsinstance_id=sys.argv[5],
            key_spec="Aliyun_AES_256",
            enable_automatic_rotation=True,
            rotation_interval="7d",
            tags='[{"TagKey":"a","TagValue":"1"}]',
            policy=kms.get_key_policy(models.GetKeyPolicyRequest(key_id=key_id)).body.policy,
        )
    ).body.key_metadata
    context = {"a": "ü+*~"}
    sealed = kms.encrypt(models.EncryptRequest(key_id=key_id, plaintext="aGVsbG8=", encryption_context=context)).body
    moved = kms.re_encrypt(
        models.ReEncryptRequest(
            ciphertext_blob=sealed.ciphertext_blob,
            source_encryption_context=context,
            destination_key_id=made.key_id,
            destination_encryption_context={"b": "c"},
        )
    ).body
    asked = models.DecryptRequest(ciphertext_blob=moved.ciphertext_blob, encryption_context={"b": "c"})
    return {
        "description": kms.describe_key(models.DescribeKeyRequest(key_id=key_id)).body.key_metadata.description,
        "rotation": made.rotation_interval,
        "reencrypted": [kms.decrypt(asked).body.plaintext, moved.key_id == made.key_id],
        "regions": REGION in [region.region_id for region in kms.describe_regions().body.regions.region],
        "status": kms.describe_account_kms_status().body.account_status,
        "open": code_of(kms.open_kms_service),
    }


def defaults(kms: Any, key_id: str) -> dict[str, Any]:
    """The free default key, and a service that encrypts for the account: its access key is in two more arguments."""
    made = kms.create_key(models.CreateKeyRequest()).body.key_metadata
    home = made.arn.rpartition(":")[0]
    store = client_of(*sys.argv[6:8])
    context = {"bucket": "photos"}
    asked = models.GenerateDataKeyRequest(key_id=f"{home}:alias/acs/oss", encryption_context=context)
    drawn = store.generate_data_key(asked).body
    blob = models.DecryptRequest(ciphertext_blob=drawn.ciphertext_blob, encryption_context=context)
    chosen = store.generate_data_key(models.GenerateDataKeyRequest(key_id=made.arn)).body
    kms.disable_key(models.DisableKeyRequest(key_id=made.key_id))
    shown = kms.describe_key(models.DescribeKeyRequest(key_id="alias/acs/oss")).body.key_metadata
    return {
        "instance": made.dkmsinstance_id,
        "second": code_of(kms.create_key, models.CreateKeyRequest()),
        "own": code_of(kms.encrypt, models.EncryptRequest(key_id=made.key_id, plaintext="aGVsbG8=")),
        "opened": store.decrypt(blob).body.plaintext == drawn.plaintext,
        "chosen": chosen.key_id == made.key_id,
        "stopped": code_of(store.generate_data_key, models.GenerateDataKeyRequest(key_id=made.arn)),
        "creator": [shown.creator, shown.key_id == drawn.key_id],
        "fixed": code_of(kms.disable_key, models.DisableKeyRequest(key_id=drawn.key_id)),
        "not_mine": code_of(kms.decrypt, blob),
        "listed": kms.list_keys(models.ListKeysRequest(filters='[{"Key":"CreatorType","Values":["Service"]}]')).body.total_count,
        "foreign_action": code_of(store.list_keys, models.ListKeysRequest()),
    }


FAMILIES = {each.__name__: each for each in (aliases, tags, versions, deletion, policies, service, defaults)}


def client_of(key_id: str, secret: str) -> Any:
    """Give a client at the endpoint."""
    return Client(Config(access_key_id=key_id, access_key_secret=secret, endpoint=sys.argv[2], protocol="http"))


def main() -> None:
    """Make a key and walk the family."""
    family, _, key_id, secret, instance_id = sys.argv[1:6]
    kms = client_of(key_id, secret)
    made = kms.create_key(models.CreateKeyRequest(dkmsinstance_id=instance_id)).body.key_metadata
    print(json.dumps(FAMILIES[family](kms, made.key_id)))


if __name__ == "__main__":
    main()
