"""Payments: customers' top-ups through a payment provider, and the provider's word that they were paid.

What must always hold: money is added only on a signed event of the provider, for a top-up that was started here, of exactly its
amount and currency; an event is taken once and a top-up is credited once, both by the schema; the secret is written nowhere.
The webhook takes events; the operator's tools start top-ups, and pay them where the provider is the sandbox.
"""
