"""Access points: how applications reach the dedicated gateway with client keys, and what each of them may do there.

What must always hold: of a client key only its certificate is kept; what a change takes away is refused from that commit on; no
policy, no access. The actions of KMS change it; the gate asks it who signed and what that one may do.
"""
