"""Coupons by the current Python SDK (Tea, ACS3), in an environment of its own.

Arguments: endpoint (host:port), access key id, secret. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from alibabacloud_bssopenapi20171214 import models
from alibabacloud_bssopenapi20171214.client import Client
from alibabacloud_tea_openapi.models import Config

MODULES = {"Region": "ap-southeast-1", "ProductVersion": "3", "Spec": "1000", "KeyNum": "1000", "Log": "0"}


def main() -> None:
    """Ask for coupons in each way, buy, ask again."""
    endpoint, key_id, secret = sys.argv[1:4]
    bss: Any = Client(Config(key_id, secret, endpoint=endpoint, protocol="http"))

    def rows(**asked: Any) -> list[dict[str, Any]]:
        body = bss.query_cash_coupons(models.QueryCashCouponsRequest(**asked)).body
        assert (body.code, body.message, body.success) == ("Success", "Successful!", True)
        return [row.to_map() for row in body.data.cash_coupon]

    told: dict[str, Any] = {"before": rows(), "in_effect": rows(effective_or_not=True), "not": rows(effective_or_not=False)}
    told["until"] = rows(expiry_time_start="2026-01-01T00:00:00Z", expiry_time_end="2026-12-31T00:00:00Z")
    bought = bss.create_instance(
        models.CreateInstanceRequest(
            product_code="kms",
            product_type="kms_ddi_public_intl",
            subscription_type="Subscription",
            period=1,
            parameter=[models.CreateInstanceRequestParameter(code=code, value=value) for code, value in MODULES.items()],
        )
    ).body
    told["bought"] = bought.code
    told["after"] = rows()
    told["balance"] = bss.query_account_balance().body.data.to_map()
    bill = bss.query_bill(models.QueryBillRequest(billing_cycle="2026-01")).body.data.items.item[0]
    told["bill"] = [bill.pretax_amount, bill.deducted_by_cash_coupons, bill.cash_amount]
    refund = bss.inquiry_price_refund_instance(
        models.InquiryPriceRefundInstanceRequest(product_code="kms", instance_id=bought.data.instance_id)
    ).body
    told["refund"] = refund.data.refund_amount
    print(json.dumps(told))


if __name__ == "__main__":
    main()
