"""Bills: what an account paid in a month of UTC+8, in whichever form it is asked for.

What must always hold: a bill row is worked out from its order whenever it is shown, and stored nowhere; parts of a row, by
module, by month or by day, sum to it to the cent; the bills of all months are the orders, the ledger and the balance.
The billing actions show them, `keystead bill` exports them, `keystead doctor` audits them.
"""
