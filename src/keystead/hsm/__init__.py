"""Key stores: what makes, seals and uses keys so that no other part of the service sees clear key bytes.

What must always hold: clear key bytes exist only inside `clear_material` and the adapters that import it; what leaves here is
sealed, bound to the ids it belongs to, or a handle without a printable form. `app` makes the adapter; rooms know the port.
"""
