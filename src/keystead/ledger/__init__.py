"""Money, in double entry: what came in, what was spent, what an account holds.

What must always hold: rows are only ever added; the postings of a transaction sum to zero; a posting carries the balance after
it, so every balance can be proved from the rows; an order is charged at most once, by a uniqueness rule in the schema.
Orders charge; the operator's tools credit; `keystead doctor` audits.
"""
