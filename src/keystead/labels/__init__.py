"""Aliases and tags: what customers call their keys, and the words they put on what they own.

What must always hold: an alias is one account's in one region and names one key; a resource has 20 tags at most. Who owns the
resource is asked before. The KMS actions call it, and `keyring` to find the key an alias names.
"""
