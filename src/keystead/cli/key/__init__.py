"""`keystead key`: what an operator asks of one key.

What must always hold: it shows what is counted by now and says what it did not look at; it writes nothing but the count.
Only `cli.commands` imports it.
"""
