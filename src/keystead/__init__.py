"""Keystead: a key management service that anyone can run.

Keys, secrets and their lifecycle, sold as subscription instances, over the wire protocols of Alibaba Cloud.
What must always hold stands in docs/ARCHITECTURE.md; each room's own `__init__` says what holds there.
"""

__version__ = "0.1.0"
