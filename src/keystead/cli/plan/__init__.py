"""`keystead plan`: what will happen to an account, or to an instance somebody thinks of buying.

What must always hold: it writes nothing; what a purchase would be refused for is refused here in the same words.
Only `cli.commands` imports it.
"""
