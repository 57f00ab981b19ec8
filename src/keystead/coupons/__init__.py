"""Coupons (vouchers): value that an operator grants and that pays for orders, by itself, before cash.

What must always hold: a coupon is granted once and its movements are only ever added; its balance is never below zero; one order
is paid with one coupon at most, by the schema; what a coupon paid never comes back, and is no part of the balance.
Orders use them; the operator's tools grant and revoke; QueryCashCoupons shows; `keystead doctor` audits.
"""
