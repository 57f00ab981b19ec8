"""The policy language: read, compiled and evaluated. Pure: no rows, no clock, no I/O.

What must always hold: a mistake is told with its line and column; an explicit Deny beats every Allow; what no statement allows is
refused; what a caller sends never becomes a pattern. The gate and the identity room ask; actions never evaluate by themselves.
"""
