"""Tests. They import one another as `tests.<module>`; a promise a test, stated in its docstring."""
