"""The access log: one record a call, durable before its answer leaves.

What must always hold: no record is torn or lost once its call was answered; no key byte, secret or plaintext is in any record.
The gate and the scheduler write it; calls that change rows are recorded in the same commit, all others in the journal.
"""
