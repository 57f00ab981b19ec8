"""The actions: one small function each, one file a family, one fault table a product. Wire names live only here.

What must always hold: an action calls commands and names the answer, nothing more; every parameter it declares works or is
refused with a documented code. The gate runs them; nobody else calls them.
"""
