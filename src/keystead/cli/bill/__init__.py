"""`keystead bill export`: a month's bill as CSV, XLSX or PDF.

What must always hold: a file is whole or not there; its rows sum to what the billing API answers for the month, to the cent.
Only the command line calls it; the libraries that write documents are imported here and nowhere a server runs.
"""
