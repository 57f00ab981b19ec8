"""The round trip with the current Python SDKs (Tea, ACS3): run in an environment of their own by test_official_clients.py.

Arguments: endpoint (host:port), http or https, access key id, secret, CA file or an empty string. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

from alibabacloud_bssopenapi20171214 import models as bss_models
from alibabacloud_bssopenapi20171214.client import Client as BssClient
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_tea_openapi.models import Config

MODULES = {"Region": "ap-southeast-1", "ProductVersion": "3", "Spec": "1000", "KeyNum": "1000", "Log": "0"}


def buy(bss: Any, kms: Any, told: dict[str, Any]) -> str:
    """Buy and connect; gives the instance's id."""
    bought = bss.create_instance(
        bss_models.CreateInstanceRequest(
            product_code="kms",
            product_type="kms_ddi_public_intl",
            subscription_type="Subscription",
            period=1,
            renewal_status="ManualRenewal",
            client_token=uuid.uuid4().hex,
            parameter=[bss_models.CreateInstanceRequestParameter(code=c, value=v) for c, v in MODULES.items()],
        )
    ).body
    if not bought.success:
        raise SystemExit(f"{bought.code}: {bought.message}")
    instance_id = bought.data.instance_id
    told["instance_id"], told["order_id"] = instance_id, bought.data.order_id
    kms.connect_kms_instance(
        kms_models.ConnectKmsInstanceRequest(
            kms_instance_id=instance_id,
            vpc_id="vpc-demo",
            v_switch_ids="vsw-demo",
            zone_ids="ap-southeast-1a,ap-southeast-1b",
            kmprovider="Aliyun",
        )
    )
    for _ in range(100):
        instance = kms.get_kms_instance(kms_models.GetKmsInstanceRequest(kms_instance_id=instance_id)).body.kms_instance
        if instance.status == "Connected":
            break
        time.sleep(0.1)
    told["status"], told["end_date"] = instance.status, instance.end_date
    return str(instance_id)


def main() -> None:
    """Buy, connect, make a key, encrypt and decrypt."""
    endpoint, protocol, key_id, secret, ca = sys.argv[1:6]

    def config() -> Any:
        values = {"access_key_id": key_id, "access_key_secret": secret, "endpoint": endpoint, "protocol": protocol}
        return Config(**values, **({"ca": ca} if ca else {}))

    bss, kms = BssClient(config()), KmsClient(config())
    told: dict[str, Any] = {"client": "alibabacloud-kms20160120 (Python V2)"}
    balance = bss.query_account_balance().body
    told["balance_before"] = balance.data.available_amount
    instance_id = buy(bss, kms, told)
    made = kms.create_key(kms_models.CreateKeyRequest(dkmsinstance_id=instance_id)).body.key_metadata
    told["key_id"], told["key_state"] = made.key_id, made.key_state
    context = {"purpose": "round trip", "é": "ü+*~"}
    sealed = kms.encrypt(kms_models.EncryptRequest(key_id=made.key_id, plaintext="aGVsbG8=", encryption_context=context)).body
    opened = kms.decrypt(kms_models.DecryptRequest(ciphertext_blob=sealed.ciphertext_blob, encryption_context=context)).body
    told["plaintext"] = opened.plaintext
    data_key = kms.generate_data_key(kms_models.GenerateDataKeyRequest(key_id=made.key_id, key_spec="AES_256")).body
    again = kms.decrypt(kms_models.DecryptRequest(ciphertext_blob=data_key.ciphertext_blob)).body
    told["data_key_matches"] = data_key.plaintext == again.plaintext
    try:
        kms.decrypt(kms_models.DecryptRequest(ciphertext_blob=sealed.ciphertext_blob, encryption_context={"a": "b"}))
    except Exception as refusal:  # noqa: BLE001 - whatever class the SDK chose
        told["wrong_context"] = getattr(refusal, "code", type(refusal).__name__)
    told["balance_after"] = bss.query_account_balance().body.data.available_amount
    print(json.dumps(told))


if __name__ == "__main__":
    main()
