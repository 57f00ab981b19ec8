"""What must be true of an order, and of orders beside the books."""

from datetime import UTC, datetime

import msgspec
import pytest

from keystead.catalog.commands import load_catalogue
from keystead.catalog.faults import PeriodNotSold
from keystead.entitlements.model import Term
from keystead.faults import InvalidParameter, MissingParameter
from keystead.instances.model import Renewal, RenewalStatus
from keystead.ledger.model import Entry, EntryKind
from keystead.money import Money
from keystead.orders import rules
from keystead.orders.faults import OrderBroken
from keystead.orders.model import Order, OrderLine, OrderState, OrderType

NOW = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, 16, tzinfo=UTC)
ACCOUNT = "1234567890123456"
POLICIES = load_catalogue().policies


def usd(minor: int) -> Money:
    """An amount in cents."""
    return Money(minor, "USD")


def order(order_id: str = "100000000000001", kind: OrderType = OrderType.NEW) -> Order:
    """A paid order of 500.00 + 100.00 for one month, nothing taken off."""
    lines = (
        OrderLine("ProductVersion", usd(50_000), usd(50_000), usd(0), usd(50_000)),
        OrderLine("Spec", usd(10_000), usd(10_000), usd(0), usd(10_000)),
    )
    return Order(
        order_id=order_id,
        account_id=ACCOUNT,
        kind=kind,
        state=OrderState.PAID,
        instance_id="kst-1",
        region="ap-southeast-1",
        product_code="kms",
        product_type="kms_ddi_public_intl",
        price_list_id="kms-international-1",
        months=1,
        parameters=(("Spec", "2000"),),
        lines=lines,
        list_amount=usd(60_000),
        discount=usd(0),
        payable=usd(60_000),
        term=Term(NOW, END),
        operator="",
        created_at=NOW,
        paid_at=NOW,
    )


def charge(order_id: str = "100000000000001", minor: int = 60_000, account_id: str = ACCOUNT) -> Entry:
    """A charge for an order."""
    return Entry(f"c{order_id}", account_id, EntryKind.CHARGE, usd(minor), NOW, order_id=order_id)


def books(charges: list[Entry], entitled: dict[str, str], delivered: set[str]) -> rules.Books:
    """Books without a refund."""
    return rules.Books(charges, [], entitled, delivered, set())


def test_an_order_that_adds_up_is_given_back() -> None:
    """500.00 + 100.00 = 600.00."""
    assert rules.added_up(order()) == order()


@pytest.mark.parametrize(
    "change",
    [
        {"list_amount": usd(60_001)},
        {"payable": usd(59_999)},
        {"discount": usd(1)},
        {"lines": ()},
        {"paid_at": None},
        {"state": OrderState.UNPAID},
    ],
)
def test_an_order_that_does_not_add_up_stops_the_work(change: dict[str, object]) -> None:
    """Sums, amounts, and payment without its time or the reverse."""
    with pytest.raises(OrderBroken):
        rules.added_up(msgspec.structs.replace(order(), **change))


def test_books_that_answer_to_each_other_have_no_findings() -> None:
    """A purchase and a renewal, a charge each, an entitlement each, one instance."""
    second = order("100000000000002", OrderType.RENEW)
    entitled = {"100000000000001": "kst-1", "100000000000002": "kst-1"}
    charges = [charge(), charge("100000000000002")]
    assert rules.unanswered([order(), second], books(charges, entitled, {"kst-1"})) == []


@pytest.mark.parametrize(
    ("orders", "charges", "entitled", "delivered", "word"),
    [
        ([order()], [], {"100000000000001": "kst-1"}, {"kst-1"}, "0 charges"),
        ([order()], [charge(), charge()], {"100000000000001": "kst-1"}, {"kst-1"}, "2 charges"),
        ([order()], [charge(minor=59_999)], {"100000000000001": "kst-1"}, {"kst-1"}, "another amount"),
        ([order()], [charge(account_id="2")], {"100000000000001": "kst-1"}, {"kst-1"}, "another amount or account"),
        ([order()], [charge()], {}, {"kst-1"}, "entitles its instance to nothing"),
        ([order()], [charge()], {"100000000000001": "kst-2"}, {"kst-1"}, "entitles its instance to nothing"),
        ([order()], [charge()], {"100000000000001": "kst-1"}, set(), "never delivered"),
        ([], [charge()], {}, set(), "charged and there is no such order"),
        ([], [], {"100000000000001": "kst-1"}, set(), "entitles and there is no such order"),
        ([], [], {}, {"kst-1"}, "bought by 0 orders"),
    ],
)
def test_what_does_not_answer_is_found(
    orders: list[Order], charges: list[Entry], entitled: dict[str, str], delivered: set[str], word: str
) -> None:
    """Each way in which money, orders, entitlements and instances can disagree has its finding."""
    assert any(word in finding.problem for finding in rules.unanswered(orders, books(charges, entitled, delivered)))


def test_two_purchases_of_one_instance_are_found() -> None:
    """The schema forbids it; the audit would see it all the same."""
    second = order("100000000000002")
    entitled = {"100000000000001": "kst-1", "100000000000002": "kst-1"}
    findings = rules.unanswered([order(), second], books([charge(), charge("100000000000002")], entitled, {"kst-1"}))
    assert [finding.problem for finding in findings] == ["it was bought by 2 orders"]


def test_renewal_is_manual_unless_wished_otherwise() -> None:
    """CreateInstance page: RenewalStatus defaults to ManualRenewal; RenewPeriod counts for AutoRenewal only."""
    assert rules.renewal_wished("", None, POLICIES) == Renewal(RenewalStatus.MANUAL, None)
    assert rules.renewal_wished("ManualRenewal", 1, POLICIES) == Renewal(RenewalStatus.MANUAL, None)
    assert rules.renewal_wished("AutoRenewal", 12, POLICIES) == Renewal(RenewalStatus.AUTO, 12)


def test_automatic_renewal_needs_its_period() -> None:
    """CreateInstance page: RenewPeriod is required if RenewalStatus is AutoRenewal; NotRenewal is not among its values."""
    with pytest.raises(MissingParameter):
        rules.renewal_wished("AutoRenewal", None, POLICIES)
    with pytest.raises(PeriodNotSold):
        rules.renewal_wished("AutoRenewal", 13, POLICIES)
    for status in ("NotRenewal", "autorenewal", "x"):
        with pytest.raises(InvalidParameter):
            rules.renewal_wished(status, None, POLICIES)
