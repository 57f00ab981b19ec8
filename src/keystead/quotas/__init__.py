"""What an instance's purchased figures allow, and how much of each is in use.

What must always hold: every key version counts one, whatever its state; what is counted is counted from rows, in the
transaction that would add to it, so that two creations at once cannot both take the last place.
The KMS actions show quotas and ask for room before a key or a version is made.
"""
