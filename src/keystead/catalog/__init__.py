"""What is for sale: dated price lists, regions with their zones, the vocabulary of a purchase, policies; all of it data.

What must always hold: an order is judged by the list of its own moment; a configuration that exists is one that may be bought.
Pricing, orders, instances and the billing actions read it; it reads nothing but its own files.
"""
