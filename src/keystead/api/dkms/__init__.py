"""The dedicated gateway's operations (dkms-gcs-0.2): the cryptography of KMS as protobuf messages, for applications.

What must always hold: keys are found, judged and used by the same commands as the JSON actions use; an application does what its
access point is granted and nothing else. Importing the package registers the operations; `app.py` imports it.
"""

from keystead.api.dkms import asymmetric, envelopes, pairs, symmetric, values
from keystead.api.dkms._product import DKMS

__all__ = ["DKMS", "asymmetric", "envelopes", "pairs", "symmetric", "values"]
