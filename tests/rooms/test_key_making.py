"""Keys of every spec: made, sealed, opened; bound to their ids and their spec; RSA keys made ahead."""

from __future__ import annotations

import copy
import os
import pickle
import threading
from pathlib import Path

import pytest

from keystead.hsm.algorithms import rsa
from keystead.hsm.algorithms.handle import NotThisKey
from keystead.hsm.algorithms.specs import SPECS, Kind
from keystead.hsm.making import Stock
from keystead.hsm.port import SealBroken, VersionHandle, VersionIds
from keystead.hsm.software import SoftwareKeyStore, open_root_key

IDS = VersionIds("kst-one", "key-one", "key-one-first")
DIGEST_BYTES = {"ECDSA_SHA_384": 48, "ECDSA_SHA_512": 64, "ML_DSA_MU": 64}  # 32 for all others


@pytest.fixture
def store(tmp_path: Path) -> SoftwareKeyStore:
    """A key store of its own."""
    return SoftwareKeyStore(open_root_key(tmp_path / "root.key"))


@pytest.mark.parametrize("name", SPECS)
def test_a_key_does_what_its_spec_says_and_nothing_else(store: SoftwareKeyStore, name: str) -> None:
    """Each algorithm of the spec works on the opened key; every other use is refused; nothing can be printed or copied."""
    instance_key = store.new_instance_key("kst-one")
    sealed = store.new_version(instance_key, IDS, name)
    handle = store.open_version(instance_key, sealed, IDS, name)
    spec = SPECS[name]
    works = {
        "seal": spec.kind is Kind.SECRET,
        "mac": spec.kind is Kind.MAC,
        "sign": bool(spec.signing) and spec.kind is not Kind.MAC,
        "decrypt": bool(spec.encrypting),
        "encrypt": bool(spec.encrypting) and spec.kind is not Kind.SHARING_LATTICE,
        "public_pem": spec.kind not in {Kind.SECRET, Kind.MAC},
    }
    for use, there in works.items():
        if there:
            _use(handle, use, name)
        else:
            with pytest.raises(NotThisKey):
                _use(handle, use, name)
    assert repr(handle) == f"<{type(handle).__name__}>"
    for double in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            double(handle)


def _use(handle: VersionHandle, use: str, name: str) -> None:
    spec = SPECS[name]
    if use == "seal":
        assert handle.open(handle.seal(b"text", b"context"), b"context") == b"text"
    elif use == "public_pem":
        assert handle.public_pem().startswith("-----BEGIN PUBLIC KEY-----\n")
    elif use == "mac":
        algorithm = spec.signing[0] if spec.signing else "HMAC_SHA_256"
        assert handle.verify_mac(algorithm, b"text", handle.mac(algorithm, b"text"))
    elif use == "sign":
        for algorithm in spec.signing or ("ECDSA_SHA_256",):
            digest = bytes(DIGEST_BYTES.get(algorithm, 32))
            assert handle.verify(algorithm, digest, handle.sign(algorithm, digest))
    elif use == "encrypt":
        for algorithm in spec.encrypting or ("SM2PKE",):
            assert handle.decrypt(algorithm, handle.encrypt(algorithm, b"text")) == b"text"
    elif spec.kind is Kind.SHARING_LATTICE:
        assert len(handle.decrypt("ML_KEM", bytes(1088 if name == "ML_KEM_768" else 1568))) == 32
    elif not spec.encrypting:
        handle.decrypt("SM2PKE", b"text")


@pytest.mark.parametrize("name", ["EC_P256", "EC_SM2", "HMAC_SHA_256"])
def test_a_seal_opens_only_as_what_it_was_made(store: SoftwareKeyStore, name: str) -> None:
    """Another version's id, another instance's key, another spec of the same length: SealBroken each time."""
    instance_key = store.new_instance_key("kst-one")
    sealed = store.new_version(instance_key, IDS, name)
    for ids in (IDS._replace(version_id="key-one-second"), IDS._replace(key_id="key-two")):
        with pytest.raises(SealBroken):
            store.open_version(instance_key, sealed, ids, name)
    with pytest.raises(SealBroken):
        store.open_version(store.new_instance_key("kst-one"), sealed, IDS, name)
    for spec in {"Aliyun_AES_256", "HMAC_SM3", "EC_P256K"} - {name}:
        with pytest.raises(SealBroken):
            store.open_version(instance_key, sealed, IDS, spec)


def test_an_rsa_key_is_made_ahead_once_and_kept_for_the_next_call() -> None:
    """What a refused call had made serves the next one; what was taken is never given twice."""
    stock, spec = Stock(), SPECS["RSA_2048"]
    with stock.ahead("RSA_2048"):
        pass  # refused: nothing was taken
    kept = stock._kept["RSA_2048"]  # noqa: SLF001 - how many there are is the point
    assert len(kept) == 1
    waiting = kept[0]
    with stock.ahead("RSA_2048"):
        assert len(kept) == 1
        assert stock.take(spec) is waiting
    assert len(kept) == 0
    with stock.ahead("RSA_2048"), stock.ahead("RSA_2048"):
        assert stock.take(spec) is not stock.take(spec)
    assert len(kept) == 0
    with stock.ahead("EC_P256"), stock.ahead("no such spec"):
        assert "EC_P256" not in stock._kept  # noqa: SLF001


def test_rsa_keys_are_made_by_threads_that_give_way() -> None:
    """By idle scheduling; whose patience is out gets a second one of low priority. The caller's own priority stays."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert rsa.made(SPECS["RSA_2048"]).key_size == 2048
    assert rsa.made(SPECS["RSA_2048"], patience=0).key_size == 2048
    threads = {thread.name.rpartition("_")[0]: thread.native_id or 0 for thread in threading.enumerate()}
    assert os.sched_getscheduler(threads["rsa-idle"]) == os.SCHED_IDLE
    assert os.sched_getscheduler(threads["rsa-late"]) == os.SCHED_OTHER
    assert os.getpriority(os.PRIO_PROCESS, threads["rsa-late"]) == max(own, rsa.NICENESS)
    assert (os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)) == (os.SCHED_OTHER, own)
