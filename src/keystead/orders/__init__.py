"""Orders: what was bought, renewed, upgraded or refunded, at which price, paid when.

What must always hold: an order is placed, paid and carried out in one transaction or not at all; it keeps the price list and the
amounts it was made with; one New order an instance, one renewal a cycle, one charge and one refund an order, by the schema.
The billing actions place and list; `keystead doctor` audits orders against ledger and instances.
"""
