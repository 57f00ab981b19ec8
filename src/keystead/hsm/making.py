"""Making key material of every spec, and making handles from opened material.

An RSA key takes a third of a second of a core, at bad luck two. That time must not pass inside a transaction, where every other
writer would wait for it: `Stock.ahead` has it pass before.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keystead.hsm.algorithms import elliptic, lattice, rsa
from keystead.hsm.algorithms.elliptic import CurveHandle, EdwardsHandle, SlowCurveHandle
from keystead.hsm.algorithms.handle import Handle
from keystead.hsm.algorithms.lattice import SharingLatticeHandle, SigningLatticeHandle
from keystead.hsm.algorithms.rsa import RsaHandle
from keystead.hsm.algorithms.secret import MacHandle, Sm4Handle
from keystead.hsm.algorithms.sm2 import Sm2Handle, Sm2Key
from keystead.hsm.algorithms.specs import SPECS, Kind, Spec
from keystead.hsm.clear_material import ClearMaterial

_Pair = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | lattice.Signing | lattice.Sharing
_HANDLES: Final[dict[Kind, Callable[[Spec, bytearray], Handle]]] = {
    Kind.SECRET: Sm4Handle,
    Kind.MAC: MacHandle,
    Kind.RSA: RsaHandle,
    Kind.CURVE: lambda spec, der: (CurveHandle if spec.name == "EC_P256" else SlowCurveHandle)(spec, der),
    Kind.EDWARDS: EdwardsHandle,
    Kind.SM2: Sm2Handle,
    Kind.SIGNING_LATTICE: SigningLatticeHandle,
    Kind.SHARING_LATTICE: SharingLatticeHandle,
}


def material(spec: Spec) -> ClearMaterial:
    """Make fresh material: bytes of a secret, the PKCS#8 of a key pair, the ECPrivateKey of an SM2 one.

    The library hands out serialised keys as immutable bytes: those copies cannot be wiped, only forgotten.
    """
    if spec.kind in {Kind.SECRET, Kind.MAC}:
        return ClearMaterial.generated(spec.size)
    if spec.kind is Kind.SM2:
        return ClearMaterial(Sm2Key.generated().private_der())
    made: _Pair
    if spec.kind is Kind.RSA:
        made = rsa.made(spec)
    elif spec.kind in {Kind.CURVE, Kind.EDWARDS}:
        made = elliptic.made(spec)
    else:
        made = lattice.made(spec)
    return ClearMaterial(bytearray(made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())))


def handle(spec: Spec, opened: ClearMaterial) -> Handle:
    """Make the handle of opened material; the material may be wiped afterwards."""
    return opened.into(lambda buffer: _HANDLES[spec.kind](spec, buffer))


class Stock:
    """RSA keys made before they are needed, as many as calls in progress asked for; those of refused calls serve the next."""

    __slots__ = ("_kept", "_lock", "_promised")

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._kept: dict[str, deque[ClearMaterial]] = {}
        self._promised: dict[str, int] = {}

    @contextlib.contextmanager
    def ahead(self, name: str) -> Iterator[None]:
        """Have a key kept back for `take` in the block; specs that are made at once, and unknown ones, need none."""
        spec = SPECS.get(name)
        if spec is None or spec.kind is not Kind.RSA:
            yield
            return
        with self._lock:
            promised = self._promised.get(name, 0)
            lacking = len(self._kept.setdefault(name, deque())) <= promised
            self._promised[name] = promised + 1
        try:
            if lacking:
                made = material(spec)
                with self._lock:
                    self._kept[name].append(made)
            yield
        finally:
            with self._lock:
                self._promised[name] -= 1

    def take(self, spec: Spec) -> ClearMaterial:
        """Give a kept key, or a fresh one."""
        with self._lock:
            kept = self._kept.get(spec.name)
            found = kept.popleft() if kept else None
        return material(spec) if found is None else found
