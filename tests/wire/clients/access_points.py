"""Access points from first to last with the current Python SDK: run by test_access_points_sdk.py.

Arguments: endpoint (host:port), access key id, secret. Prints one JSON object: what each call gave.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from alibabacloud_bssopenapi20171214.client import Client as BssClient
from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_tea_openapi.models import Config
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from v2 import buy

PASSWORD = "Client-Key-1"
TEMPLATE = "RbacPermission/Template/CryptoServiceKeyUser"


def main() -> None:
    """Buy, connect, and do all of it."""
    endpoint, key_id, secret = sys.argv[1:4]

    def config() -> Any:
        return Config(access_key_id=key_id, access_key_secret=secret, endpoint=endpoint, protocol="http")

    bss, kms = BssClient(config()), KmsClient(config())
    told: dict[str, Any] = {}
    instance_id = buy(bss, kms, told)
    rule = kms.create_network_rule(
        models.CreateNetworkRuleRequest(name="office", type="Private", source_private_ip='["10.0.0.0/8"]')
    ).body
    policy = kms.create_policy(
        models.CreatePolicyRequest(
            name="shop-keys",
            kms_instance=instance_id,
            permissions=json.dumps([TEMPLATE]),
            resources='["key/*"]',
            access_control_rules='{"NetworkRules":["office"]}',
        )
    ).body
    point = kms.create_application_access_point(
        models.CreateApplicationAccessPointRequest(name="shop", policies='["shop-keys"]', authentication_method="ClientKey")
    ).body
    told["arns"] = [rule.arn, policy.arn, point.arn]
    made = kms.create_client_key(models.CreateClientKeyRequest(aap_name="shop", password=PASSWORD)).body
    told["opens"] = load_pkcs12(base64.b64decode(made.private_key_data), PASSWORD.encode()).key is not None
    shown = kms.get_client_key(models.GetClientKeyRequest(client_key_id=made.client_key_id)).body
    listed = kms.list_client_keys(models.ListClientKeysRequest(aap_name="shop")).body.client_keys
    told["client key"] = [shown.aap_name, shown.key_algorithm, listed[0].client_key_id == shown.client_key_id]
    described = kms.describe_policy(models.DescribePolicyRequest(name="shop-keys")).body
    told["policy"] = [described.permissions, described.resources, described.access_control_rules]
    described = kms.describe_application_access_point(models.DescribeApplicationAccessPointRequest(name="shop")).body
    told["point"] = [described.policies, described.authentication_method]
    kms.update_network_rule(models.UpdateNetworkRuleRequest(name="office", source_private_ip='["10.1.0.0/16"]'))
    kms.update_policy(models.UpdatePolicyRequest(name="shop-keys", resources='["key/a","secret/b"]'))
    kms.update_application_access_point(models.UpdateApplicationAccessPointRequest(name="shop", policies='["shop-keys"]'))
    told["rule"] = kms.describe_network_rule(models.DescribeNetworkRuleRequest(name="office")).body.source_private_ip
    lists = [
        kms.list_network_rules(models.ListNetworkRulesRequest()).body.network_rules.network_rule,
        kms.list_policies(models.ListPoliciesRequest()).body.policies.policy,
        kms.list_application_access_points(
            models.ListApplicationAccessPointsRequest()
        ).body.application_access_points.application_access_point,
    ]
    told["lists"] = [[each.name for each in found] for found in lists]
    kms.delete_client_key(models.DeleteClientKeyRequest(client_key_id=made.client_key_id))
    kms.delete_application_access_point(models.DeleteApplicationAccessPointRequest(name="shop"))
    kms.delete_policy(models.DeletePolicyRequest(name="shop-keys"))
    kms.delete_network_rule(models.DeleteNetworkRuleRequest(name="office"))
    try:
        kms.describe_policy(models.DescribePolicyRequest(name="shop-keys"))
    except Exception as refusal:  # noqa: BLE001 - whatever class the SDK chose
        told["gone"] = [getattr(refusal, "status_code", 0), getattr(refusal, "code", "")]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
