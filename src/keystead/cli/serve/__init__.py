"""The server's processes: a supervisor, and under it API workers, one scheduler and one console.

What must always hold: nothing is served before the store, the keys and the certificates are in order; a process that dies is
replaced; none outlives its supervisor. `keystead serve` starts the supervisor, which starts all others.
"""
