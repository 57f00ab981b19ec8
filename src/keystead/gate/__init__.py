"""The gate: bytes in, bytes out. It finds the action, proves the caller, binds parameters, runs, renders and records.

What must always hold: it decides nothing about keys or money; it never answers before the record of the call is durable; only
`rsgi.py` awaits. The actions in `api/` register here; nothing below it in the layers knows it.
"""
