"""RAM users, groups, roles, the policies attached to them, and the sessions of roles.

What must always hold: a name is one account's; what a principal may is the sum of what is attached to it and its groups, and is
dropped from every worker's cache by the commit that changes any of it; a session lives no longer than its role.
The gate asks who a caller is and what it may; the RAM and STS actions change things.
"""
