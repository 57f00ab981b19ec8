"""Accounts, services of the deployment, and the access keys their callers sign with.

What must always hold: a secret is shown once and kept only sealed; a disabled key is refused by every worker as soon as the
disabling commit is seen; every writing transaction of an account holds that account's row lock first, so its writes queue up.
The gate asks for credentials; the operator's tools make accounts and keys; any room may lock an account.
"""
