"""Usage: what each instance held and which operations were called, a day of UTC+8.

What must always hold: for reference only, no bill is made of it; a call is counted exactly once, from the durable record of it;
a day's figures are the highest that were seen that day.
The scheduler takes it; QueryUserOmsData shows it.
"""
