"""The account's money."""

from __future__ import annotations

from keystead.api.bss._product import BSS
from keystead.api.bss.shapes import BALANCE_CODE, BALANCE_MESSAGE, BssResponse, Shape
from keystead.gate.call import Call
from keystead.gate.parameters import Request
from keystead.gate.registry import Effect
from keystead.ledger import commands as ledger
from keystead.money import Money


class QueryAccountBalanceRequest(Request):
    """No parameters."""


class AccountBalance(Shape):
    """Amounts as text with two decimals. `available_amount` = `available_cash_amount` + `credit_amount`; no coupons."""

    available_amount: str
    available_cash_amount: str
    credit_amount: str
    mybank_credit_amount: str
    quota_limit: str
    currency: str


class QueryAccountBalanceResponse(BssResponse, kw_only=True):
    """The balance."""

    data: AccountBalance


@BSS.action("QueryAccountBalance", Effect.READ)
def query_account_balance(call: Call, request: QueryAccountBalanceRequest) -> QueryAccountBalanceResponse:
    """Give what the account can spend, cash and credit limit; its `Code` is "200", unlike its siblings'.

    Cash is below zero for what is bought on credit (BssOpenApi and account balance pages, read 2026-11-22).
    """
    held = ledger.balance(call.tx, call.account_id)
    none = Money(0, held.currency).plain()
    return QueryAccountBalanceResponse(
        code=BALANCE_CODE,
        message=BALANCE_MESSAGE,
        success=True,
        data=AccountBalance(
            available_amount=ledger.available(call.tx, call.account_id).plain(),
            available_cash_amount=held.plain(),
            credit_amount=ledger.credit_limit(call.tx, call.account_id).plain(),
            mybank_credit_amount=none,
            quota_limit=none,
            currency=held.currency,
        ),
    )
