"""What an order entitles to, from when until when: the terms of instances.

What must always hold: an entitlement is made by one order and never changed; ends are midnights of UTC+8, by the calendar and not
by the machine's zone; standing is computed from the last end and now, never stored.
Instances asks and, on behalf of orders, adds.
"""
