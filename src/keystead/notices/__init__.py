"""Notices: what a customer is told, in the message centre and by e-mail.

What must always hold: an occasion is told once, by a uniqueness rule in the schema; what is told and the mail that carries it are
one commit; no notice holds up what it tells of, and none holds a secret.
Orders tells; the scheduler plans, reminds and composes; the operator's tools and the console list and mark as read.
"""
