"""The round trip with the older Python SDKs (aliyun-python-sdk-*, RPC 1.0 HMAC-SHA1), in an environment of their own.

Arguments: endpoint (host:port), http or https, access key id, secret, CA file or an empty string. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

from aliyunsdkbssopenapi.request.v20171214.CreateInstanceRequest import CreateInstanceRequest
from aliyunsdkbssopenapi.request.v20171214.QueryAccountBalanceRequest import QueryAccountBalanceRequest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkkms.request.v20160120.ConnectKmsInstanceRequest import ConnectKmsInstanceRequest
from aliyunsdkkms.request.v20160120.CreateKeyRequest import CreateKeyRequest
from aliyunsdkkms.request.v20160120.DecryptRequest import DecryptRequest
from aliyunsdkkms.request.v20160120.EncryptRequest import EncryptRequest
from aliyunsdkkms.request.v20160120.GenerateDataKeyRequest import GenerateDataKeyRequest
from aliyunsdkkms.request.v20160120.GetKmsInstanceRequest import GetKmsInstanceRequest

MODULES = {"Region": "ap-southeast-1", "ProductVersion": "3", "Spec": "1000", "KeyNum": "1000", "Log": "0"}


def buy(ask: Any, told: dict[str, Any]) -> str:
    """Buy and connect; gives the instance's id."""
    bought = ask(
        CreateInstanceRequest(),
        ProductCode="kms",
        ProductType="kms_ddi_public_intl",
        SubscriptionType="Subscription",
        Period=1,
        ClientToken=uuid.uuid4().hex,
        Parameters=[{"Code": code, "Value": value} for code, value in MODULES.items()],
    )
    if not bought["Success"]:
        raise SystemExit(str(bought))
    instance_id = bought["Data"]["InstanceId"]
    told["instance_id"], told["order_id"] = instance_id, bought["Data"]["OrderId"]
    ask(
        ConnectKmsInstanceRequest(),
        KmsInstanceId=instance_id,
        VpcId="vpc-demo",
        VSwitchIds="vsw-demo",
        ZoneIds="ap-southeast-1a,ap-southeast-1b",
        KMProvider="Aliyun",
    )
    for _ in range(100):
        instance = ask(GetKmsInstanceRequest(), KmsInstanceId=instance_id)["KmsInstance"]
        if instance["Status"] == "Connected":
            break
        time.sleep(0.1)
    told["status"], told["end_date"] = instance["Status"], instance["EndDate"]
    return str(instance_id)


def main() -> None:
    """Buy, connect, make a key, encrypt and decrypt."""
    endpoint, protocol, key_id, secret, ca = sys.argv[1:6]
    protocol = sys.intern(protocol)  # this SDK compares it by identity
    client = AcsClient(key_id, secret, "ap-southeast-1", verify=ca or None)

    def ask(request: Any, **values: Any) -> dict[str, Any]:
        request.set_endpoint(endpoint)
        request.set_protocol_type(protocol)
        request.set_accept_format("json")
        for name, value in values.items():
            getattr(request, f"set_{name}")(value)
        answer = json.loads(client.do_action_with_exception(request))
        assert isinstance(answer, dict)
        return answer

    told: dict[str, Any] = {"client": "aliyun-python-sdk-kms (Python V1)"}
    told["balance_before"] = ask(QueryAccountBalanceRequest())["Data"]["AvailableAmount"]
    instance_id = buy(ask, told)
    made = ask(CreateKeyRequest(), DKMSInstanceId=instance_id)["KeyMetadata"]
    told["key_id"], told["key_state"] = made["KeyId"], made["KeyState"]
    context = json.dumps({"purpose": "round trip", "é": "ü+*~"})
    sealed = ask(EncryptRequest(), KeyId=made["KeyId"], Plaintext="aGVsbG8=", EncryptionContext=context)
    opened = ask(DecryptRequest(), CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)
    told["plaintext"] = opened["Plaintext"]
    data_key = ask(GenerateDataKeyRequest(), KeyId=made["KeyId"], KeySpec="AES_256")
    again = ask(DecryptRequest(), CiphertextBlob=data_key["CiphertextBlob"])
    told["data_key_matches"] = data_key["Plaintext"] == again["Plaintext"]
    try:
        ask(DecryptRequest(), CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext='{"a":"b"}')
    except ServerException as refusal:
        told["wrong_context"] = refusal.get_error_code()
    wrong = AcsClient(key_id, secret + "x", "ap-southeast-1", verify=ca or None)
    request = QueryAccountBalanceRequest()
    request.set_endpoint(endpoint)
    request.set_protocol_type(protocol)
    try:
        wrong.do_action_with_exception(request)
    except ServerException as refusal:
        told["wrong_secret"] = refusal.get_error_code()
    told["balance_after"] = ask(QueryAccountBalanceRequest())["Data"]["AvailableAmount"]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
