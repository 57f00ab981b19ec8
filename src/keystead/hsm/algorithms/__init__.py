"""What keys can do: one handle a key kind, made from opened material and usable without being readable.

What must always hold: malformed input ends in one of the faults of `handle`, never in an exception of a library; what does not
decrypt is refused in one sentence whatever is wrong with it. Made by the key stores of `hsm`; rooms know the port only.
"""
