"""SM2 against the examples of the standard (GB/T 32918.5-2017) and against GmSSL, another implementation."""

from __future__ import annotations

import hashlib

import gmssl_pyx
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from keystead.hsm import making
from keystead.hsm.algorithms.handle import NotDecrypted
from keystead.hsm.algorithms.secret import MacHandle
from keystead.hsm.algorithms.sm2 import Sm2Handle, Sm2Key, Sm2Refused
from keystead.hsm.algorithms.specs import SPECS
from keystead.hsm.algorithms.wrapping import MaterialRefused, unwrapped

# Annex A of the standard: the key pair, the digest of "message digest" and its signature; annex C: an encryption under it.
D = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
X = bytes.fromhex("09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020")
Y = bytes.fromhex("CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13")
E = bytes.fromhex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640")
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
BARE = bytes.fromhex(
    "04"
    "04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
    "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
    "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766"
    "21886CA989CA9C7D58087307CA93092D651EFA"
)
# The curve, for Z(A): a, b and the base point.
CURVE = bytes.fromhex(
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
OID = bytes.fromhex("06082a811ccf5501822d")


def handle(d: bytes = D, x: bytes = X, y: bytes = Y) -> Sm2Handle:
    """A handle on a key pair given by its numbers, as ECPrivateKey."""
    der = b"\x30\x77\x02\x01\x01\x04\x20" + d + b"\xa0\x0a" + OID + b"\xa1\x44\x03\x42\x00\x04" + x + y
    return Sm2Handle(SPECS["EC_SM2"], bytearray(der))


def digest(message: bytes, x: bytes, y: bytes) -> bytes:
    """Give e = SM3(Z(A) || M) with the user id 1234567812345678: 16 bytes, 0x80 bits."""
    z = hashlib.new("sm3", b"\x00\x80" + b"1234567812345678" + CURVE + x + y).digest()
    return hashlib.new("sm3", z + message).digest()


def test_the_standards_signature() -> None:
    """The digest over Z(A) is the published one; the published signature verifies, and with any part changed does not."""
    assert digest(b"message digest", X, Y) == E
    key = handle()
    assert key.verify("SM2DSA", E, encode_dss_signature(R, S))
    for r, s in ((R + 1, S), (R, S + 1), (S, R), (0, S), (R, 0), (R, 1)):
        assert not key.verify("SM2DSA", E, encode_dss_signature(r, s))
    assert not key.verify("SM2DSA", digest(b"message digesT", X, Y), encode_dss_signature(R, S))
    for malformed in (b"", b"\x30", encode_dss_signature(R, S) + b"\x00", encode_dss_signature(R, S)[:-1], bytes(64)):
        assert not key.verify("SM2DSA", E, malformed)


def test_the_standards_encryption() -> None:
    """The published ciphertext, bare, opens to its text; with any byte changed it does not."""
    key = handle()
    assert key.decrypt("SM2PKE", BARE) == b"encryption standard"
    for at in range(len(BARE)):
        changed = bytearray(BARE)
        changed[at] ^= 1
        with pytest.raises(NotDecrypted):
            key.decrypt("SM2PKE", bytes(changed))
    for length in range(len(BARE)):
        with pytest.raises(NotDecrypted):
            key.decrypt("SM2PKE", BARE[:length])


def test_ciphertext_is_an_sm2_cipher_and_any_change_is_refused() -> None:
    """SEQUENCE of two INTEGERs, 32 bytes of C3, C2 as long as the text; each byte counts."""
    key = handle()
    cipher = key.encrypt("SM2PKE", b"p" * 19)
    assert cipher[:1] == b"\x30"
    assert cipher[-21:-19] == b"\x04\x13"
    assert cipher[-55:-53] == b"\x04\x20"
    assert key.decrypt("SM2PKE", cipher) == b"p" * 19
    for at in range(len(cipher)):
        changed = bytearray(cipher)
        changed[at] ^= 0x40
        with pytest.raises(NotDecrypted):
            key.decrypt("SM2PKE", bytes(changed))


def test_gmssl_agrees() -> None:
    """Both ways, 50 rounds: what GmSSL signs verifies here, what it encrypts decrypts here, and the other way round."""
    for number in range(50):
        public, private = gmssl_pyx.sm2_key_generate()
        x, y = public[:32], public[32:]
        key, message = handle(private, x, y), f"message {number}".encode() * (number + 1)
        e = digest(message, x, y)
        assert key.verify("SM2DSA", e, gmssl_pyx.sm2_sign(private, public, message))
        assert gmssl_pyx.sm2_verify(public, message, key.sign("SM2DSA", e))
        text = message[:200]
        assert key.decrypt("SM2PKE", gmssl_pyx.sm2_encrypt(public, text)) == text
        assert gmssl_pyx.sm2_decrypt(private, key.encrypt("SM2PKE", text)) == text


def test_signatures_are_der_and_differ() -> None:
    """Two signatures of one digest have two nonces."""
    key = handle()
    one, two = (decode_dss_signature(key.sign("SM2DSA", E)) for _ in range(2))
    assert one[0] != two[0]


def test_keys_of_another_kind_are_refused() -> None:
    """A P-256 key, a point off the curve, halves that do not go together, trailing bytes, nothing."""
    with making.material(SPECS["EC_P256"]) as material, pytest.raises(Sm2Refused):
        material.into(lambda buffer: Sm2Key.private(bytes(buffer)))
    prefix = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
    assert Sm2Key.public(prefix + b"\x04" + X + Y).public_der() == prefix + b"\x04" + X + Y
    for wrong in (prefix + b"\x04" + Y + X, prefix + b"\x04" + X + Y + b"\x00", prefix, b""):
        with pytest.raises(Sm2Refused):
            Sm2Key.public(wrong)
    other = Sm2Key.generated().private_der()
    mixed = bytes(other).replace(bytes(other)[7:39], D)
    with pytest.raises(Sm2Refused):
        Sm2Key.private(mixed)


def test_import_takes_both_forms_of_sm2_ciphertext() -> None:
    """The standard's bare ciphertext and GmSSL's SM2Cipher unwrap, with a byte changed neither does."""
    der = b"\x30\x77\x02\x01\x01\x04\x20" + D + b"\xa0\x0a" + OID + b"\xa1\x44\x03\x42\x00\x04" + X + Y
    key, material = Sm2Key.opened(der), bytes(range(32))
    cipher = gmssl_pyx.sm2_encrypt(X + Y, material)
    assert unwrapped(key, "SM2PKE", BARE) == b"encryption standard"
    assert unwrapped(key, "SM2PKE", cipher) == material
    for wrong in (BARE[:-1], cipher[:-1], BARE[:-1] + b"\x00", b"\x04", b""):
        with pytest.raises(MaterialRefused):
            unwrapped(key, "SM2PKE", wrong)


def test_hmac_sm3_agrees_with_gmssl() -> None:
    """HMAC with SM3, for which RFC 4231 has no case."""
    for length in (1, 31, 32, 33, 64, 65, 1000):
        secret, message = bytes(range(32)), b"m" * length
        assert MacHandle(SPECS["HMAC_SM3"], bytearray(secret)).mac("HMAC_SM3", message) == gmssl_pyx.sm3_hmac(secret, message)
