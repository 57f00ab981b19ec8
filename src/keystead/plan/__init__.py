"""What will happen: the timeline that instances will live through if nobody does anything.

What must always hold: a plan is what the scheduler then does, to the instant, the order and the cent; it is reckoned by the rules
of the rooms that will do it, and writes nothing.
The command line calls it, and the console may.
"""
