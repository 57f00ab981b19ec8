"""The life of an instance, told by the official SDKs against a server on a manual clock in a temporary folder.

Run by `make demo` in the SDKs' own environment. Every line is a step with its figures; a step that does not hold ends the story
with exit status 1. Money and keys are touched through the SDKs only; the operator's command line makes the account, tops it up
and moves the clock, because no SDK can.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
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

    def __init__(self, folder: Path) -> None:
        """Start it and wait until it is ready."""
        self.data = folder / "var"
        self.ports = [_free_port() for _ in range(3)]
        listen = [f"127.0.0.1:{port}" for port in self.ports]
        self.endpoint = listen[0]
        flags = ["--listen", listen[0], "--tls-listen", listen[1], "--console-listen", listen[2], "--shared-quota-factor", "0"]
        self.log = (folder / "server.log").open("wb")
        began = time.monotonic()
        self.process = subprocess.Popen(
            [str(KEYSTEAD), "serve", "--data", str(self.data), "--clock", f"manual:{START}", *flags],
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

    def __init__(self, server: Server, name: str, balance: str) -> None:
        """Make the account and top it up."""
        made = server.operator("admin", "account", "create", name)
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
    moved = server.operator("admin", "clock", "advance", duration)
    return ", ".join(event["kind"] for event in moved["events"]) or "nothing"


def buy_and_use(story: Story, customer: Customer) -> tuple[str, str, str]:
    """Purchase to quota."""
    story.tell("topped up", customer.balance() == "10000.00", f"balance {customer.balance()} USD")
    token = uuid.uuid4().hex
    bought = customer.buy(token)
    again = customer.buy(token)
    instance_id = str(bought.data.instance_id)
    story.tell("bought a software instance for a month", bought.success, f"{instance_id}, order {bought.data.order_id}")
    same = again.data.order_id == bought.data.order_id
    story.tell("the same client token buys nothing twice", same, f"balance {customer.balance()} USD")
    story.tell("500.00 was charged", customer.balance() == "9500.00")
    end = customer.instance(instance_id).end_date
    story.tell("it ends at midnight UTC+8 after 2026-02-01", end == "2026-02-01T16:00:00Z", end)
    status = customer.connect(instance_id)
    story.tell("connected in two zones", status == "Connected", status)
    key_id = customer.create_key(instance_id)
    blob = customer.encrypt(key_id, "aGVsbG8gS2V5c3RlYWQ=")
    story.tell("made a key and encrypted", bool(blob), f"{key_id}, {len(blob)} characters of ciphertext")
    story.tell("decrypted", customer.decrypt(blob) == "aGVsbG8gS2V5c3RlYWQ=")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: customer.create_key(instance_id), range(999)))
    story.tell("used the whole key quota", customer.key_quota(instance_id) == "1000 of 1000", customer.key_quota(instance_id))
    code = refusal(customer.create_key, instance_id)
    story.tell("one more key is refused", code == "400 Rejected.LimitExceeded", code)
    story.tell("and nothing was made", customer.key_quota(instance_id) == "1000 of 1000")
    return instance_id, key_id, blob


def expire_and_release(story: Story, server: Server, customer: Customer, instance_id: str, blob: str) -> None:
    """Renewal, expiry, retention, release."""
    renewed = customer.renew(instance_id)
    end = customer.instance(instance_id).end_date
    held = renewed.success and end == "2026-03-01T16:00:00Z"
    story.tell("renewed a month before the end: the end moves on from the old end", held, f"{end}, {customer.balance()} USD")
    happened = advance(server, "59d15h")
    story.tell("59 days and 15 hours later it still serves", customer.decrypt(blob), f"2026-03-01T15:00Z; {happened}")
    happened = advance(server, "1h")
    code = refusal(customer.decrypt, blob)
    story.tell("at the first instant of expiry use is refused", code == "409 Rejected.Unavailable", f"{code}; {happened}")
    story.tell("descriptions still answer", customer.instance(instance_id).instance_id == instance_id)
    advance(server, "10d")
    renewed = customer.renew(instance_id)
    held = renewed.success and customer.decrypt(blob) == "aGVsbG8gS2V5c3RlYWQ="
    end = customer.instance(instance_id).end_date
    story.tell("renewed on the 11th day of retention: everything works again", held, f"until {end}, {customer.balance()} USD")
    happened = advance(server, "46d23h")
    held = refusal(customer.decrypt, blob) == "409 Rejected.Unavailable"
    story.tell("expired again, 14 days and 23 hours into retention: still there, still refused", held, happened)
    happened = advance(server, "1h")
    code = refusal(customer.decrypt, blob)
    story.tell("on day 16 it is released: the key is gone", code == "404 Forbidden.KeyNotFound", f"{code}; {happened}")
    code = refusal(lambda: customer.instance(instance_id))
    story.tell("and so is the instance", code.startswith("404"), code)
    renewed = customer.renew(instance_id)
    story.tell("which no renewal brings back", not renewed.success, f"{renewed.code}; {customer.balance()} USD")
    found = server.operator("doctor")
    story.tell("the books balance", found["well"], f"{len(found['checks'])} checks")


def change_and_give_back(story: Story, server: Server, customer: Customer) -> None:
    """Upgrades, automatic renewal, refund. Bought 2026-04-28 00:00 UTC+8 for exactly 31 days, to 05-29 00:00 UTC+8."""
    instance_id = str(customer.buy(uuid.uuid4().hex).data.instance_id)
    advance(server, "1d")
    price, made = customer.upgrade(instance_id, "Spec", "2000")
    held = made.success and price == 100 and customer.balance() == "9400.00"
    story.tell("upgraded to 2,000 QPS with 30 days left", held, f"100.00 x 30 / 30 = {price:.2f}, {customer.balance()} USD")
    _, made = customer.upgrade(instance_id, "Spec", "1000")
    story.tell("a decrease is refused", not made.success and customer.balance() == "9400.00", f"{made.code}: {made.message}")
    advance(server, "15d")
    price, made = customer.upgrade(instance_id, "KeyNum", "2000")
    held = made.success and price == 450 and customer.key_quota(instance_id) == "0 of 2000"
    story.tell("1,000 keys more with 15 days left, at once", held, f"900.00 x 15 / 30 = {price:.2f}, {customer.balance()} USD")
    wished = customer.renew_automatically(instance_id)
    happened = advance(server, "6d7h59m")
    story.tell("automatic renewal wished; nothing comes before 08:00 of the ninth day before", wished.success, happened)
    happened = advance(server, "1m")
    held = customer.balance() == "7450.00" and customer.instance(instance_id).end_date == "2026-06-28T16:00:00Z"
    story.tell("it renewed by itself: 500 + 100 + 900 = 1500.00", held, f"{happened}; {customer.balance()} USD")
    amount, given = customer.refund(instance_id)
    rows = customer.order_rows(given.data.order_id)
    backs = " + ".join(str(row.pretax_amount) for row in rows)
    story.tell("given back: the renewal whole, the rest by days", sorted(backs) and amount == 1895.70, f"{backs} = {amount:.2f}")
    # 500 - 500 x 23 / 31 = 129.03; 100 - 100 x 22 / 30 = 26.67; 450 - 450 x 7 / 15 = 240.00
    held = {row.pretax_amount for row in rows} == {"1500.00", "240.00", "26.67", "129.03"}
    story.tell("each order by the days begun of those it bought", held and customer.balance() == "9345.70", customer.balance())
    code = refusal(lambda: customer.instance(instance_id))
    story.tell("and the instance is gone at once", code.startswith("404"), code)
    found = server.operator("doctor")
    story.tell("the books still balance", found["well"], f"{len(found['checks'])} checks")


def main() -> None:
    """Tell it."""
    story = Story()
    with tempfile.TemporaryDirectory(prefix="keystead-demo-") as folder:
        server = Server(Path(folder))
        try:
            story.tell("started on a manual clock", server.ports, f"{START}, ready after {server.start_seconds:.1f} s")
            customer = Customer(server, "demo", "10000.00")
            instance_id, _key_id, blob = buy_and_use(story, customer)
            expire_and_release(story, server, customer, instance_id, blob)
            change_and_give_back(story, server, Customer(server, "demo-two", "10000.00"))
            story.tell("stopped", server.stop() == 0)
        finally:
            if server.process.poll() is None:
                server.process.kill()
            if os.environ.get("KEYSTEAD_DEMO_LOG"):
                sys.stderr.write((Path(folder) / "server.log").read_text()[-20000:])
    print(f"{story.steps} steps held.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
