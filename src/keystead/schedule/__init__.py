"""What falls due: the table of job kinds, the loop that does them, and the one way a manual clock is moved.

What must always hold: a job and all its effects are one commit, done by one process; due work is done in the order it fell
due; what fails is put off by itself and holds up nothing else.
The scheduler process runs it; `keystead admin clock advance` calls `advance`.
"""
