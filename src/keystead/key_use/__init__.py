"""What keys were used for: by whom, when last, and how often each version encrypted.

What must always hold: an encryption whose ciphertext left is counted once, within the next count of its durable record.
`usage` adds to it as it counts records; notices, the actions on keys, the console and the command line read it.
"""
