"""Who is in the story: the teller, the server, the customer with the official clients."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from alibabacloud_bssopenapi20171214 import models as bss_models
from alibabacloud_bssopenapi20171214.client import Client as BssClient
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_tea_openapi.models import Config

KEYSTEAD = Path(__file__).parents[1] / ".venv" / "bin" / "keystead"
START = "2026-01-01T00:00:00Z"
MODULES = {"Region": "ap-southeast-1", "ProductVersion": "3", "Spec": "1000", "KeyNum": "1000", "Log": "0"}


class Story:
    """Tells steps and counts them."""

    def __init__(self) -> None:
        """Begin."""
        self.steps = 0

    def tell(self, what: str, held: object, figures: str = "") -> None:
        """Print a step; leave if it did not hold."""
        self.steps += 1
        print(f"{self.steps:3}. {'ok' if held else 'NO'}  {what}{': ' + figures if figures else ''}", flush=True)
        if not held:
            raise SystemExit(1)


class Server:
    """A running `keystead serve` on free ports."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        """Start it with these settings and wait until it is ready."""
        self.data = folder / "var"
        self.ports = [_free_port() for _ in range(3)]
        listen = [f"127.0.0.1:{port}" for port in self.ports]
        self.endpoint = listen[0]
        flags = ["--listen", listen[0], "--tls-listen", listen[1], "--console-listen", listen[2], "--shared-quota-factor", "0"]
        config = folder / "settings.toml"
        config.write_text(settings)
        self.log = (folder / "server.log").open("wb")
        began = time.monotonic()
        self.process = subprocess.Popen(
            [str(KEYSTEAD), "serve", "--data", str(self.data), "--clock", f"manual:{START}", "--config", str(config), *flags],
            stdout=self.log,
            stderr=self.log,
        )
        self._await_ready()
        self.start_seconds = time.monotonic() - began

    def operator(self, *words: str) -> Any:
        """Run an operator's command and read its JSON."""
        done = subprocess.run(
            [str(KEYSTEAD), *words, "--data", str(self.data), "--json"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"keystead {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def stop(self) -> int:
        """Ask it to stop; gives its exit status."""
        self.process.terminate()
        return self.process.wait(30)

    def _await_ready(self) -> None:
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"http://{self.endpoint}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the server did not become ready")


class Customer:
    """An account with the official clients."""

    def __init__(self, server: Server, name: str, balance: str, email: str = "") -> None:
        """Make the account and top it up."""
        made = server.operator("admin", "account", "create", name, *(["--email", email] if email else []))
        server.operator("admin", "account", "credit", name, balance)
        config = {"access_key_id": made["access_key_id"], "access_key_secret": made["access_key_secret"]}
        self.bss = BssClient(Config(endpoint=server.endpoint, protocol="http", **config))
        self.kms = KmsClient(Config(endpoint=server.endpoint, protocol="http", **config))
        self.account_id = made["account_id"]

    def balance(self) -> str:
        """Available amount."""
        return str(self.bss.query_account_balance().body.data.available_amount)

    def buy(self, token: str) -> Any:
        """Buy a software instance for a month."""
        parameter = [bss_models.CreateInstanceRequestParameter(code=c, value=v) for c, v in MODULES.items()]
        return self.bss.create_instance(
            bss_models.CreateInstanceRequest(
                product_code="kms",
                product_type="kms_ddi_public_intl",
                subscription_type="Subscription",
                period=1,
                client_token=token,
                parameter=parameter,
            )
        ).body

    def renew(self, instance_id: str) -> Any:
        """Renew for a month."""
        return self.bss.renew_instance(
            bss_models.RenewInstanceRequest(
                product_code="kms", instance_id=instance_id, renew_period=1, client_token=uuid.uuid4().hex
            )
        ).body

    def upgrade(self, instance_id: str, code: str, value: str) -> tuple[float, Any]:
        """Ask what an upgrade costs, and make it."""
        module = bss_models.GetSubscriptionPriceRequestModuleList(module_code=code, config=f"{code}:{value}")
        quoted = self.bss.get_subscription_price(
            bss_models.GetSubscriptionPriceRequest(
                product_code="kms",
                subscription_type="Subscription",
                order_type="Upgrade",
                instance_id=instance_id,
                module_list=[module],
            )
        ).body
        made = self.bss.modify_instance(
            bss_models.ModifyInstanceRequest(
                product_code="kms",
                subscription_type="Subscription",
                modify_type="Upgrade",
                instance_id=instance_id,
                client_token=uuid.uuid4().hex,
                parameter=[bss_models.ModifyInstanceRequestParameter(code=code, value=value)],
            )
        ).body
        return float(quoted.data.trade_price) if quoted.success else 0.0, made

    def renew_automatically(self, instance_id: str) -> Any:
        """Wish for automatic renewal by a month."""
        return self.bss.set_renewal(
            bss_models.SetRenewalRequest(
                product_code="kms", instance_ids=instance_id, renewal_status="AutoRenewal", renewal_period=1
            )
        ).body

    def refund(self, instance_id: str) -> tuple[float, Any]:
        """Ask what comes back, and give the instance back."""
        ask = bss_models.InquiryPriceRefundInstanceRequest(product_code="kms", product_type="", instance_id=instance_id)
        asked = self.bss.inquiry_price_refund_instance(ask).body
        give = bss_models.RefundInstanceRequest(
            product_code="kms", product_type="", instance_id=instance_id, immediately_release="1", client_token=uuid.uuid4().hex
        )
        return float(asked.data.refund_amount), self.bss.refund_instance(give).body

    def transactions(self, since: str, before: str) -> list[Any]:
        """QueryAccountTransactions of a span."""
        request = bss_models.QueryAccountTransactionsRequest(create_time_start=since, create_time_end=before, page_size=100)
        data = self.bss.query_account_transactions(request).body.data
        return list(data.account_transactions_list.account_transactions_list)

    def coupon_balance(self) -> str:
        """What is left on the account's only coupon."""
        return str(self.bss.query_cash_coupons(bss_models.QueryCashCouponsRequest()).body.data.cash_coupon[0].balance)

    def order_rows(self, order_id: object) -> list[Any]:
        """GetOrderDetail."""
        request = bss_models.GetOrderDetailRequest(order_id=str(order_id))
        return list(self.bss.get_order_detail(request).body.data.order_list.order)

    def instance(self, instance_id: str) -> Any:
        """GetKmsInstance."""
        request = kms_models.GetKmsInstanceRequest(kms_instance_id=instance_id)
        return self.kms.get_kms_instance(request).body.kms_instance

    def connect(self, instance_id: str) -> str:
        """Enable in two zones; gives the status reached."""
        self.kms.connect_kms_instance(
            kms_models.ConnectKmsInstanceRequest(
                kms_instance_id=instance_id,
                vpc_id="vpc-demo",
                v_switch_ids="vsw-demo",
                zone_ids="ap-southeast-1a,ap-southeast-1b",
                kmprovider="Aliyun",
            )
        )
        status = ""
        for _ in range(100):
            status = str(self.instance(instance_id).status)
            if status == "Connected":
                break
            time.sleep(0.1)
        return status

    def create_key(self, instance_id: str) -> str:
        """Make an AES key."""
        request = kms_models.CreateKeyRequest(dkmsinstance_id=instance_id)
        return str(self.kms.create_key(request).body.key_metadata.key_id)

    def encrypt(self, key_id: str, plaintext: str) -> str:
        """Encrypt."""
        request = kms_models.EncryptRequest(key_id=key_id, plaintext=plaintext, encryption_context={"story": "demo"})
        return str(self.kms.encrypt(request).body.ciphertext_blob)

    def decrypt(self, blob: str) -> str:
        """Decrypt."""
        request = kms_models.DecryptRequest(ciphertext_blob=blob, encryption_context={"story": "demo"})
        return str(self.kms.decrypt(request).body.plaintext)

    def key_quota(self, instance_id: str) -> str:
        """Used and purchased keys."""
        request = kms_models.GetKmsInstanceQuotaInfosRequest(kms_instance_id=instance_id, resource_type="key")
        info = self.kms.get_kms_instance_quota_infos(request).body.kms_instance_quota_infos[0]
        return f"{info.used_quantity} of {info.resource_quota}"


def refusal(call: Any, *arguments: str) -> str:
    """Give status and code of the error a call must answer; empty if it went through."""
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001 - the SDK's classes differ by status
        return f"{getattr(error, 'status_code', '?')} {getattr(error, 'code', type(error).__name__)}"
    return ""


def advance(server: Server, duration: str) -> str:
    """Move the clock; gives what happened."""
    return ", ".join(event["kind"] for event in events(server, duration)) or "nothing"


def events(server: Server, duration: str) -> list[Any]:
    """Move the clock; gives what happened, event by event."""
    return list(server.operator("admin", "clock", "advance", duration)["events"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
