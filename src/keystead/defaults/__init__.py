"""The free keys of an account: its one default key a region, and those that services of the deployment have for its data.

What must always hold: an account has one default key and one key a service in a region, by the schema; they are sealed under the
account's own key, not an instance's, and serve services of the deployment alone. The KMS actions call it.
"""
