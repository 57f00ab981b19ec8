"""What the cloud's Terraform provider does with one instance, by the current Python SDK, a step for each line of standard input.

Arguments: endpoint (host:port), access key id, secret. A line is a JSON object: `do` names the step, the rest is for it. Answers
each with one JSON line that has the balance after it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from alibabacloud_bssopenapi20171214 import models
from alibabacloud_bssopenapi20171214.client import Client as BssClient
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_tea_openapi.models import Config

KMS: dict[str, Any] = {"product_code": "kms", "product_type": "kms_ddi_public_intl"}


def create(bss: Any, _kms: Any, step: dict[str, Any]) -> dict[str, Any]:
    """CreateInstance for a month."""
    parameter = [models.CreateInstanceRequestParameter(code=c, value=v) for c, v in step["modules"].items()]
    request = models.CreateInstanceRequest(subscription_type="Subscription", period=1, parameter=parameter, **KMS)
    body = bss.create_instance(request).body
    return {"code": body.code, "success": body.success, "instance_id": body.data.instance_id}


def upgrade(bss: Any, _kms: Any, step: dict[str, Any]) -> dict[str, Any]:
    """ModifyInstance, always with ModifyType Upgrade."""
    request = models.ModifyInstanceRequest(
        subscription_type="Subscription",
        modify_type="Upgrade",
        instance_id=step["instance_id"],
        parameter=[models.ModifyInstanceRequestParameter(code=c, value=v) for c, v in step["modules"].items()],
        **KMS,
    )
    body = bss.modify_instance(request).body
    return {"code": body.code, "success": body.success, "message": body.message}


def renew_automatically(bss: Any, _kms: Any, step: dict[str, Any]) -> dict[str, Any]:
    """SetRenewal, then QueryAvailableInstances as the provider reads it back."""
    request = models.SetRenewalRequest(
        instance_ids=step["instance_id"],
        subscription_type="Subscription",
        renewal_status="AutoRenewal",
        renewal_period=1,
        renewal_period_unit="M",
        **KMS,
    )
    body = bss.set_renewal(request).body
    asked = models.QueryAvailableInstancesRequest(instance_ids=step["instance_id"], region="ap-southeast-1", **KMS)
    row = bss.query_available_instances(asked).body.data.instance_list[0]
    return {"code": body.code, "success": body.success, "renew_status": row.renew_status, "months": row.renewal_duration}


def refund(bss: Any, kms: Any, step: dict[str, Any]) -> dict[str, Any]:
    """InquiryPriceRefundInstance, RefundInstance, and GetKmsInstance until it is not found."""
    ask = models.InquiryPriceRefundInstanceRequest(product_code="kms", product_type="", instance_id=step["instance_id"])
    asked = bss.inquiry_price_refund_instance(ask).body
    give = models.RefundInstanceRequest(instance_id=step["instance_id"], immediately_release="1", client_token="walk", **KMS)
    body = bss.refund_instance(give).body
    rows = bss.get_order_detail(models.GetOrderDetailRequest(order_id=str(body.data.order_id))).body.data.order_list.order
    try:
        kms.get_kms_instance(kms_models.GetKmsInstanceRequest(kms_instance_id=step["instance_id"]))
        gone = 200
    except Exception as refusal:  # noqa: BLE001 - whatever class the SDK chose
        gone = getattr(refusal, "status_code", 0)
    return {
        "code": body.code,
        "success": body.success,
        "asked": asked.data.refund_amount,
        "order_id": body.data.order_id,
        "backs": [row.pretax_amount for row in rows],
        "status": rows[0].payment_status,
        "gone": gone,
    }


def main() -> None:
    """Do what is asked, line by line."""
    endpoint, key_id, secret = sys.argv[1:4]

    def config() -> Any:
        return Config(access_key_id=key_id, access_key_secret=secret, endpoint=endpoint, protocol="http")

    bss, kms = BssClient(config()), KmsClient(config())
    steps = {"create": create, "upgrade": upgrade, "renew_automatically": renew_automatically, "refund": refund}
    for line in sys.stdin:
        step = json.loads(line)
        told = steps[step["do"]](bss, kms, step)
        told["balance"] = bss.query_account_balance().body.data.available_amount
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
