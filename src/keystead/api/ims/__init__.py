"""IMS 2019-08-15: the providers of OpenID Connect that an account trusts, and nothing else of that product.

What must always hold: no call of this product or of STS ever leaves the deployment; an issuer's keys are registered.
The gate runs the actions; `app.py` imports the package.
"""

from keystead.api.ims import providers
from keystead.api.ims._product import IMS

__all__ = ["IMS", "providers"]
