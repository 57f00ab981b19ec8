"""The console: a page that says what this deployment is, and its figures for a monitoring system.

What must always hold: it shows no secret and no customer's data; it works without JavaScript under a strict content policy;
the API needs it for nothing.
A process of its own serves it (`cli/serve`), which gives it a `Board` to read from.
"""
