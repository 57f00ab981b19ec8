"""The account statement: QueryAccountTransactions and QueryAccountTransactionDetails (BssOpenApi pages, read 2026-11-22).

One row a movement of the account's cash, newest first, with the balance after it. Amounts are text. An unknown type, flow or
channel finds nothing and is no mistake, as the pages say.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec
from whenever import Date

from keystead.access import commands as access
from keystead.api.bss._product import BSS
from keystead.api.bss.paging import MaxResults, position_of, token_for
from keystead.api.bss.shapes import CODE, MESSAGE, PAGE_SIZE, BssResponse, PageNum, PageSize, Shape, read_time, time_of
from keystead.clock import business_day
from keystead.faults import InvalidParameter
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect
from keystead.ledger import commands as ledger
from keystead.ledger.model import EntryKind, Movement, Statement

INCOME: Final = "Income"
EXPENSE: Final = "Expense"
CASH: Final = "Cash"
BALANCE_CHANNEL: Final = "AccountBalance"


class _Shown(NamedTuple):
    """How a kind of ledger transaction reads on the statement."""

    type: str
    channel: str


# By the kind's stored value; a kind that is not here is a correction.
SHOWN: Final = {
    "credit": _Shown("Payment", "OfflineRemittance"),
    "payment": _Shown("Payment", "CreditCard"),
    "charge": _Shown("Consumption", BALANCE_CHANNEL),
    "refund": _Shown("Refund", BALANCE_CHANNEL),
}
CORRECTION: Final = _Shown("Adjust", BALANCE_CHANNEL)


class QueryAccountTransactionsRequest(Request):
    """Which movements, all that is given must match; without times, those of the last month."""

    create_time_start: str = ""
    create_time_end: str = ""
    transaction_type: str = ""
    transaction_flow: str = ""
    transaction_channel: str = ""
    transaction_channel_sn: str = msgspec.field(default="", name="TransactionChannelSN")
    transaction_number: str = ""
    record_id: str = msgspec.field(default="", name="RecordID")
    page_num: PageNum = 1
    page_size: PageSize = PAGE_SIZE


class QueryAccountTransactionDetailsRequest(Request):
    """The same, read on by NextToken."""

    create_time_start: str = ""
    create_time_end: str = ""
    transaction_type: str = ""
    transaction_channel: str = ""
    transaction_channel_sn: str = msgspec.field(default="", name="TransactionChannelSN")
    transaction_number: str = ""
    record_id: str = msgspec.field(default="", name="RecordID")
    next_token: str = ""
    max_results: MaxResults = PAGE_SIZE


class TransactionRow(Shape):
    """A movement. `amount` is never below zero, the flow says which way it went; `balance` is what was held after it."""

    transaction_number: str
    transaction_time: str
    transaction_type: str
    transaction_flow: str
    transaction_channel: str
    transaction_channel_sn: str = msgspec.field(name="TransactionChannelSN")
    transaction_account: str
    fund_type: str
    amount: str
    balance: str
    billing_cycle: str
    record_id: str = msgspec.field(name="RecordID")
    remarks: str


class TransactionRows(Shape):
    """The wrapper around the list, of the list's own name."""

    account_transactions_list: list[TransactionRow]


class TransactionPage(Shape):
    """One page; `total_count` is that of all pages."""

    account_name: str
    account_transactions_list: TransactionRows
    page_num: int
    page_size: int
    total_count: int


class QueryAccountTransactionsResponse(BssResponse, kw_only=True):
    """The movements."""

    data: TransactionPage


class TransactionReading(Shape):
    """One page; `next_token` is empty on the last."""

    account_name: str
    account_transactions_list: TransactionRows
    next_token: str
    max_results: int
    total_count: int


class QueryAccountTransactionDetailsResponse(BssResponse, kw_only=True):
    """The movements."""

    data: TransactionReading


@BSS.action("QueryAccountTransactions", Effect.READ)
def query_account_transactions(call: Call, request: QueryAccountTransactionsRequest) -> QueryAccountTransactionsResponse:
    """List the movements of the account's money, newest first, each with the balance after it."""
    asked = _asked(call.now, request, request.transaction_flow)
    first = (request.page_num - 1) * request.page_size
    found, total = ledger.statement(call.tx, call.account_id, asked, first, request.page_size)
    page = TransactionPage(
        account_name=access.account_named(call.tx, call.account_id).name,
        account_transactions_list=TransactionRows(account_transactions_list=[_row(movement) for movement in found]),
        page_num=request.page_num,
        page_size=request.page_size,
        total_count=total,
    )
    return QueryAccountTransactionsResponse(code=CODE, message=MESSAGE, success=True, data=page)


@BSS.action("QueryAccountTransactionDetails", Effect.READ)
def query_account_transaction_details(
    call: Call, request: QueryAccountTransactionDetailsRequest
) -> QueryAccountTransactionDetailsResponse:
    """List the movements of the account's money by NextToken: what is added meanwhile shifts no page."""
    asked = _asked(call.now, request, "")
    position = position_of(request, call.account_id)
    found, total = ledger.statement_after(call.tx, call.account_id, asked, position, request.max_results + 1)
    shown = found[: request.max_results]
    page = TransactionReading(
        account_name=access.account_named(call.tx, call.account_id).name,
        account_transactions_list=TransactionRows(account_transactions_list=[_row(movement) for movement in shown]),
        next_token=token_for(request, call.account_id, shown[-1].position) if len(found) > len(shown) else "",
        max_results=request.max_results,
        total_count=total,
    )
    return QueryAccountTransactionDetailsResponse(code=CODE, message=MESSAGE, success=True, data=page)


def _asked(
    now: datetime, request: QueryAccountTransactionsRequest | QueryAccountTransactionDetailsRequest, flow: str
) -> Statement:
    until = read_time("CreateTimeEnd", request.create_time_end) or now
    since = read_time("CreateTimeStart", request.create_time_start) or _month_before(until)
    if since > until:
        raise InvalidParameter("CreateTimeStart", "It is later than CreateTimeEnd.")
    kinds = frozenset(kind for kind in EntryKind if _matches(kind, request.transaction_type, request.transaction_channel))
    return Statement(
        since=since,
        before=until.replace(microsecond=0) + timedelta(seconds=1),  # the last second counts whole, as it is shown
        kinds=kinds if flow in {"", INCOME, EXPENSE} else frozenset(),
        incoming=None if not flow else flow == INCOME,
        order_id=request.record_id,
        number=request.transaction_number,
        reference=request.transaction_channel_sn,
    )


def _shown(kind: EntryKind) -> _Shown:
    return SHOWN.get(kind.value, CORRECTION)


def _matches(kind: EntryKind, type_: str, channel: str) -> bool:
    shown = _shown(kind)
    return type_ in {"", shown.type} and channel in {"", shown.channel}


def _month_before(at: datetime) -> datetime:
    """Give the same time of day a calendar month earlier by UTC+8, on the month's last day where there is no such day."""
    day = business_day(at)
    earlier = Date(day.year, day.month, day.day).subtract(months=1).to_stdlib()
    return at - (day - earlier)


def _row(movement: Movement) -> TransactionRow:
    shown = _shown(movement.kind)
    return TransactionRow(
        transaction_number=movement.number,
        transaction_time=time_of(movement.at),
        transaction_type=shown.type,
        transaction_flow=INCOME if movement.incoming else EXPENSE,
        transaction_channel=shown.channel,
        transaction_channel_sn=movement.reference,
        transaction_account="",
        fund_type=CASH,
        amount=(movement.change if movement.incoming else -movement.change).plain(),
        balance=movement.balance.plain(),
        billing_cycle=f"{business_day(movement.at):%Y-%m}",
        record_id=movement.order_id,
        remarks=movement.memo,
    )
