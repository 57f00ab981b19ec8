"""`keystead bill export` on both databases: the documented columns, the sums, whole files or none."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from keystead.cli.commands import run
from tests.world import Tenant, World

COLUMNS = (
    "BillingCycle,CostUnit,AccountID,AccountName,OwnerID,OwnerAccountName,SubscriptionType,ProductCode,ProductName,ProductType,"
    "ProductDetail,PaymentTime,UsageStartTime,UsageEndTime,ServicePeriod,RecordID,RelatedRecordID,Item,BillingType,InstanceID,"
    "NickName,ResourceGroup,Tag,InstanceConfig,InstanceSpec,InternetIP,IntranetIP,Region,Zone,PretaxGrossAmount,InvoiceDiscount,"
    "DeductedByCoupons,RoundDownDiscount,PretaxAmount,DeductedByCashCoupons,DeductedByPrepaidCard,PaymentAmount,CashAmount,"
    "AdjustAmount,OutstandingAmount,Tax,AfterTaxAmount,Currency"
)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service that stands at 2026-01-01T00:00:00Z."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


@pytest.fixture
def tenant(world: World) -> Tenant:
    """An account that bought for 500.00 and 2,830.00 in January: 3,330.00 of 10,000.00."""
    made = world.tenant()
    made.buy()
    world.advance(minutes=1)
    made.buy(Spec=2000, KeyNum=2000, SecretNum=1000, VpcNum=7, Log=1, LogStorage=1000)
    return made


def export(world: World, *arguments: str) -> int:
    """Run the command on the world's deployment."""
    return run(["bill", "export", *arguments, "--data", world.settings.data, "--database", world.settings.database])


def test_csv(world: World, tenant: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The documented columns in their order; amounts are exact text; the sum is what the statement took."""
    out = tmp_path / "bill.csv"
    assert export(world, tenant.account_id, "--month", "2026-01", "--out", str(out), "--json") == 0
    assert '"payable": "3330.00"' in capsys.readouterr().out
    text = out.read_text(encoding="utf-8")
    assert text.splitlines()[0] == COLUMNS
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["PretaxAmount"] for row in rows] == ["500.00", "2830.00"]
    assert (rows[0]["PaymentTime"], rows[0]["Currency"], rows[0]["Item"]) == ("2026-01-01 08:00:00", "USD", "SubscriptionOrder")
    assert sum(Decimal(row["CashAmount"]) for row in rows) == Decimal("3330.00")
    api = tenant.bss("QueryBill", BillingCycle="2026-01").body["Data"]["Items"]["Item"]
    assert [row["RecordID"] for row in rows] == [row["RecordID"] for row in api]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["bill.csv"]


def test_xlsx(world: World, tenant: Tenant, tmp_path: Path) -> None:
    """One sheet, read back by another library: heading, two rows, the total below as numbers."""
    out = tmp_path / "bill.xlsx"
    assert export(world, tenant.account_id, "--month", "2026-01", "--out", str(out), "--format", "xlsx") == 0
    sheet = load_workbook(out).active
    rows = list(sheet.iter_rows(values_only=True))
    assert ",".join(rows[0]) == COLUMNS
    column = rows[0].index("PretaxAmount")
    assert [row[column] for row in rows[1:]] == [500, 2830, 3330]
    assert rows[3][0] == "Total"


def test_pdf(world: World, tenant: Tenant, tmp_path: Path) -> None:
    """The statement says the balance at both ends, each order and the total."""
    out = tmp_path / "bill.pdf"
    assert export(world, tenant.account_id, "--month", "2026-01", "--out", str(out), "--format", "pdf") == 0
    text = "\n".join(page.extract_text() for page in PdfReader(out).pages)
    for said in ("Monthly statement", "10,000.00", "-3,330.00", "2,830.00", "6,670.00", "Number of keys", "UTC+8", "Page 1 of 1"):
        assert said in text


def test_a_month_without_orders(world: World, tenant: Tenant, tmp_path: Path) -> None:
    """A heading and nothing else; the statement carries the balance over."""
    out = tmp_path / "bill.csv"
    assert export(world, tenant.account_id, "--month", "2026-02", "--out", str(out)) == 0
    assert out.read_text(encoding="utf-8").splitlines() == [COLUMNS]
    assert export(world, tenant.account_id, "--month", "2026-02", "--out", str(out), "--format", "pdf") == 0
    assert "Nothing was ordered" in PdfReader(out).pages[0].extract_text()


def test_refusals_leave_no_file(world: World, tenant: Tenant, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong month, account or folder: a line on stderr, a status, and nothing written."""
    out = tmp_path / "bill.csv"
    assert export(world, tenant.account_id, "--month", "2026-13", "--out", str(out)) == 2
    assert export(world, "nobody", "--month", "2026-01", "--out", str(out)) == 1
    assert export(world, tenant.account_id, "--month", "2026-01", "--out", str(tmp_path / "no" / "bill.csv")) == 1
    assert capsys.readouterr().err.endswith(f"keystead: --out: there is no folder {tmp_path / 'no'}: make it first\n")
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_server_never_loads_the_document_libraries() -> None:
    """What a worker imports holds no weasyprint and no xlsxwriter: its memory and its start are as before."""
    code = "import sys, keystead.cli.serve.worker; print([n for n in ('weasyprint', 'xlsxwriter') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
