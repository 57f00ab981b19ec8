"""Coupons by the official SDK, credit and top-ups by the operator's commands, against a server process."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.server import Server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose payment provider is the sandbox, standing at 2026-01-01T00:00:00Z; its books hold at the end."""
    folder = tmp_path_factory.mktemp("funds")
    config = folder / "settings.toml"
    config.write_text('payment_provider = "sandbox"\n')
    running = Server(folder / "var", "--clock", "manual:2026-01-01T00:00:00Z", "--config", str(config))
    yield running
    assert running.operator("doctor", "--ledger")["well"]
    assert running.stop() == 0
    secret = (running.data / "payment-sandbox.secret").read_text().strip()
    assert len(secret) == 70
    assert secret not in running.log_text()
    assert "Traceback" not in running.log_text()


def test_coupons_by_the_official_sdk(server: Server) -> None:
    """500.00 with 200.00 of two coupons' larger one: 300.00 in cash, which is what a refund at once gives back."""
    key_id, secret = server.account("buyer", "1000.00")
    grant = ["admin", "coupon", "grant", "buyer"]
    large = server.operator(*grant, "200", "--expires", "2026-06-30T16:00:00Z", "--products", "kms", "--description", "welcome")
    assert (large["balance"], large["status"], large["products"]) == ("200.00", "Available", "kms")
    later = server.operator(*grant, "50.5", "--effective", "2026-02-01T00:00:00Z")
    program = Path(__file__).parent / "clients" / "coupons.py"
    python = ROOT / ".venv-clients" / "v2" / "bin" / "python"
    done = subprocess.run([str(python), str(program), server.http, key_id, secret], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {str(row["CashCouponId"]) for row in told["before"]} == {large["coupon_id"], later["coupon_id"]}
    assert [row["CashCouponNo"] for row in told["in_effect"]] == [large["number"]]
    assert [row["CashCouponNo"] for row in told["not"]] == [later["number"]]
    assert [row["ExpiryTime"] for row in told["until"]] == ["2026-06-30T16:00:00Z"]
    assert told["bought"] == "Success"
    left = {row["CashCouponNo"]: row["Balance"] for row in told["after"]}
    assert left == {large["number"]: "0.00", later["number"]: "50.50"}
    assert told["balance"]["AvailableAmount"] == "700.00"
    assert (told["bill"], told["refund"]) == ([500.0, 200.0, 300.0], 300.0)
    assert server.operator("admin", "coupon", "revoke", later["coupon_id"])["status"] == "Cancelled"
    assert [row["status"] for row in server.operator("admin", "coupon", "list", "buyer")].count("Cancelled") == 1


def test_orders_placed_and_paid_by_the_operator(server: Server) -> None:
    """A purchase of 500.00, an upgrade and a renewal, each placed before it is paid; the balance moves only by paying."""
    server.account("later", "1200.00")
    place, pay = ["admin", "order", "place", "later"], ["admin", "order", "pay", "later"]
    edition = ["--module", "Region=ap-southeast-1", "--module", "ProductVersion=3"]
    bought = server.operator(*place, "--months", "1", *edition)
    assert (bought["type"], bought["status"], bought["payable"], bought["paid"]) == ("New", "Unpaid", "500.00", "")
    assert bought["lapses"] == "2026-01-08T00:00:00Z"
    for _ in range(2):
        paid = server.operator(*pay, bought["order_id"])
        assert (paid["status"], paid["paid"]) == ("Paid", "2026-01-01T00:00:00Z")
    instance = ["--instance", bought["instance_id"]]
    upgrade = server.operator(*place, *instance, "--module", "VpcNum=2")
    assert (upgrade["type"], upgrade["status"]) == ("Upgrade", "Unpaid")
    for _ in range(2):
        assert server.operator("admin", "order", "cancel", "later", upgrade["order_id"])["status"] == "Cancelled"
    renewal = server.operator(*place, *instance, "--months", "1")
    assert (renewal["type"], server.operator(*pay, renewal["order_id"])["status"]) == ("Renew", "Paid")
    listed = {row["order_id"]: row["status"] for row in server.operator("admin", "order", "list", "later")}
    ids = [order["order_id"] for order in (bought, upgrade, renewal)]
    assert listed == dict(zip(ids, ["Paid", "Cancelled", "Paid"], strict=True))


def test_orders_that_cannot_be_placed(server: Server) -> None:
    """One line says what is wrong; nothing is placed."""
    server.account("seller", "1.00")
    place = [sys.executable, "-m", "keystead", "admin", "order", "place", "seller", "--data", str(server.data)]
    wrong = {
        "name --months to buy, --instance and --months to renew, --instance and --module to upgrade": [],
        "name --months to buy": ["--instance", "kst-1"],
        "'Spec' is not CODE=VALUE": ["--months", "1", "--module", "Spec"],
        'The parameter "Region" is needed': ["--months", "1"],
        "13": ["--months", "13", "--module", "Region=ap-southeast-1", "--module", "ProductVersion=3"],
        "Instance is not found": ["--instance", "kst-1", "--months", "1"],
    }
    for told, sent in wrong.items():
        done = subprocess.run([*place, *sent], capture_output=True, text=True, check=False)
        assert done.returncode in {1, 2}
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
    assert server.operator("admin", "order", "list", "seller") == []


def test_credit_limit_by_the_operator(server: Server) -> None:
    """A limit of 500.00 on nothing is 500.00 to spend."""
    server.operator("admin", "account", "create", "creditor")
    told = server.operator("admin", "account", "credit-limit", "creditor", "500")
    assert (told["credit_limit"], told["balance"], told["available"]) == ("500.00", "0.00", "500.00")


def test_a_top_up_through_the_sandbox_and_the_webhook(server: Server) -> None:
    """Started, paid by the sandbox over the running webhook, credited once however often it pays."""
    config = ["--config", str(server.data.parent / "settings.toml")]
    server.operator("admin", "account", "create", "payer")
    started = server.operator("admin", "top-up", "start", "payer", "99.90", *config)
    assert (started["status"], started["provider"]) == ("open", "sandbox")
    for _ in range(2):
        paid = server.operator("admin", "top-up", "pay", started["top_up_id"], "--listen", server.http, *config)
        assert paid["status"] == "paid"
    (row,) = [row for row in server.operator("admin", "account", "list") if row["name"] == "payer"]
    assert row["balance"] == "99.90"
    assert [row["status"] for row in server.operator("admin", "top-up", "list", "payer")] == ["paid"]


def test_the_webhook_over_http(server: Server) -> None:
    """Unsigned 400, GET 405; every other path is the API's still."""
    connection = http.client.HTTPConnection(server.http, timeout=10)
    for method, body, status in (("POST", b"{}", 400), ("GET", None, 405)):
        connection.request(method, "/payments/webhook", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("content-type")) == (status, "text/plain;charset=utf-8")
        answer.read()
    connection.request("POST", "/payments", b"{}")
    assert connection.getresponse().status == 400
    connection.close()


def test_without_a_provider_there_is_none(server: Server) -> None:
    """The command says which setting is missing."""
    words = ["admin", "top-up", "start", "payer", "1", "--data", str(server.data)]
    done = subprocess.run([sys.executable, "-m", "keystead", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, "payment_provider" in done.stderr) == (1, True)
