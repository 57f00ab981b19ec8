"""Issuers of identity tokens (OpenID Connect) that an account trusts: who they are, their keys, what their tokens prove.

What must always hold: a token counts by a registered key's signature, for a registered client, inside its times; never else.
Called by the actions of IMS and STS; knows nothing of roles.
"""
