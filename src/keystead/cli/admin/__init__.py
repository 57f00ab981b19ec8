"""The operator's tools: accounts and their money and keys, the clock, the jobs.

What must always hold: they go through the same rooms and locks as the server, and may run beside it; a secret is shown once.
The operator calls them, on the machine that holds the data folder.
"""
