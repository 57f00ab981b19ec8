"""Keys and their versions: making, describing, switching, rotating, destroying, and sealing and opening callers' data with them.

What must always hold: a key belongs to one account, region and instance for good; stored versions are sealed under their
instance's key and bound to their ids; what a key may do is decided by `rules.usable` alone. The KMS actions call it, with the
instance's standing already asked; `instances` has instance keys made and destroyed.
"""
