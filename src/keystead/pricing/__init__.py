"""What a configuration costs for a term: a quote, with a line for each priced module.

What must always hold: it is pure and exact; the lines add up to the totals, and a discount's fraction of a cent is rounded once a
line, as the price list says. Orders price purchases and renewals with it; the billing actions show quotes.
"""
