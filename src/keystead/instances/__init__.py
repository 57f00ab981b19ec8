"""KMS instances: what a purchase delivers, what a customer enables, what expiry stops and release destroys.

What must always hold: what an instance may do is computed from its entitlements and `now`, never from a stored flag; every change
of an instance names it in the change log; its instance key is destroyed before it is gone, and only a backup brings it back.
Orders activate and renew; the KMS actions connect, show and ask; the scheduler finishes, expires and releases.
"""
