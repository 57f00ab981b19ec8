"""The software key store: root key file, sealing hierarchy, and that no blob opens anywhere but in its own place."""

import base64
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from keystead.hsm.clear_material import ClearMaterial
from keystead.hsm.port import KeyStore, NotAuthentic, SealBroken, VersionHandle, VersionIds
from keystead.hsm.software import RootKeyRefused, SoftwareKeyStore, SoftwareVersionHandle, open_root_key

IDS = VersionIds("kst-a", "key-a", "key-a-1")

# The Galois/Counter Mode of Operation (McGrew, Viega), appendix B, test cases 14 and 16: AES-256.
CASE_14 = {
    "key": "00" * 32,
    "iv": "00" * 12,
    "plaintext": "00" * 16,
    "associated": "",
    "ciphertext": "cea7403d4d606b6e074ec5d3baf39d18",
    "tag": "d0d1c8a799996bf0265b98b5d48ab919",
}
CASE_16 = {
    "key": "feffe9928665731c6d6a8f9467308308" * 2,
    "iv": "cafebabefacedbaddecaf888",
    "plaintext": "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    "associated": "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    "ciphertext": "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    "tag": "76fc6ece0f4e1768cddf8853bb2d551b",
}


@pytest.fixture
def keystore(tmp_path: Path) -> KeyStore:
    """A key store with a new root key."""
    return SoftwareKeyStore(open_root_key(tmp_path / "root.key"))


def _opened(keystore: KeyStore) -> VersionHandle:
    instance_key = keystore.new_instance_key(IDS.instance_id)
    return keystore.open_version(instance_key, keystore.new_version(instance_key, IDS), IDS)


@pytest.mark.parametrize("case", [CASE_14, CASE_16], ids=["14", "16"])
def test_published_known_answers(case: dict[str, str]) -> None:
    """What the handle opens is AES-256-GCM as published: IV, ciphertext and tag in this order."""
    with ClearMaterial(bytearray.fromhex(case["key"])) as material:
        handle = SoftwareVersionHandle(material.cipher())
    sealed = bytes.fromhex(case["iv"] + case["ciphertext"] + case["tag"])
    assert handle.open(sealed, bytes.fromhex(case["associated"])).hex() == case["plaintext"]


def test_seal_and_open(keystore: KeyStore) -> None:
    """12 bytes IV and a 16-byte tag around the text; the IV is another one each time."""
    handle = _opened(keystore)
    first, second = handle.seal(b"hello", b"ctx"), handle.seal(b"hello", b"ctx")
    assert len(first) == 12 + 5 + 16
    assert first[:12] != second[:12]
    assert handle.open(first, b"ctx") == handle.open(second, b"ctx") == b"hello"


def test_every_changed_bit_is_noticed(keystore: KeyStore) -> None:
    """Each single bit of IV, ciphertext, tag and associated data matters; so does a cut."""
    handle = _opened(keystore)
    sealed = handle.seal(b"hello", b"ctx")
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotAuthentic):
            handle.open(bytes(changed), b"ctx")
    for wrong in (b"", b"ctx2", b"Ctx"):
        with pytest.raises(NotAuthentic):
            handle.open(sealed, wrong)
    for length in range(len(sealed)):
        with pytest.raises(NotAuthentic):
            handle.open(sealed[:length], b"ctx")


def test_sealed_version_has_the_stated_layout(keystore: KeyStore) -> None:
    """Marker 0x01, 12 bytes nonce, 32 bytes key, 16 bytes tag: 61 bytes, for instance keys and versions alike."""
    instance_key = keystore.new_instance_key(IDS.instance_id)
    version = keystore.new_version(instance_key, IDS)
    assert len(instance_key) == len(version) == 1 + 12 + 32 + 16
    assert instance_key[0] == version[0] == 1


def test_versions_differ_and_survive_reopening(tmp_path: Path) -> None:
    """What one process sealed another opens from the same file; two versions are two keys."""
    before = SoftwareKeyStore(open_root_key(tmp_path / "root.key"))
    instance_key = before.new_instance_key(IDS.instance_id)
    other_ids = IDS._replace(version_id="key-a-2")
    version, other = before.new_version(instance_key, IDS), before.new_version(instance_key, other_ids)
    sealed = before.open_version(instance_key, version, IDS).seal(b"hello", b"")

    after = SoftwareKeyStore(open_root_key(tmp_path / "root.key"))
    assert after.open_version(instance_key, version, IDS).open(sealed, b"") == b"hello"
    with pytest.raises(NotAuthentic):
        after.open_version(instance_key, other, other_ids).open(sealed, b"")


@pytest.mark.parametrize("field", VersionIds._fields)
def test_version_opens_under_its_own_ids_only(keystore: KeyStore, field: str) -> None:
    """A row moved to another version, key or instance does not open there."""
    instance_key = keystore.new_instance_key(IDS.instance_id)
    version = keystore.new_version(instance_key, IDS)
    with pytest.raises(SealBroken):
        keystore.open_version(instance_key, version, IDS._replace(**{field: "other"}))


def test_ids_cannot_be_shifted_into_one_another(keystore: KeyStore) -> None:
    """("ab", "c") and ("a", "bc") are two places, though their letters run together alike."""
    sealed = keystore.seal_secret("ab", "c", b"s3cret")
    with pytest.raises(SealBroken):
        keystore.open_secret("a", "bc", sealed)


def test_instance_keys_cannot_be_swapped(keystore: KeyStore) -> None:
    """Another instance's key opens neither as this one's nor the versions of this one."""
    mine, theirs = keystore.new_instance_key("kst-a"), keystore.new_instance_key("kst-b")
    version = keystore.new_version(mine, IDS)
    with pytest.raises(SealBroken):
        keystore.open_version(theirs, version, IDS)
    with pytest.raises(SealBroken):
        keystore.new_version(theirs, IDS)


def test_kinds_cannot_be_swapped(keystore: KeyStore) -> None:
    """An instance key and a secret are sealed by the same root key, but neither opens as the other."""
    with pytest.raises(SealBroken):
        keystore.open_secret("instance key", "kst-a", keystore.new_instance_key("kst-a"))
    with pytest.raises(SealBroken):
        keystore.new_version(keystore.seal_secret("access_key", "kst-a", bytes(32)), IDS)


def test_damaged_or_foreign_blobs_are_broken_seals(keystore: KeyStore, tmp_path: Path) -> None:
    """Cut, flipped, of an unknown format or of another deployment: a broken seal, whose sentence holds no content."""
    sealed = keystore.seal_secret("access_key", "LTAI", b"s3cret")
    foreign = SoftwareKeyStore(open_root_key(tmp_path / "other.key")).seal_secret("access_key", "LTAI", b"s3cret")
    for broken in (b"", sealed[:-1], sealed[:28], b"\x02" + sealed[1:], sealed[:-1] + bytes([sealed[-1] ^ 1]), foreign):
        with pytest.raises(SealBroken) as raised:
            keystore.open_secret("access_key", "LTAI", broken)
        assert "LTAI" in str(raised.value)
        assert "s3cret" not in str(raised.value)


def test_secrets_are_bound_to_purpose_and_owner(keystore: KeyStore) -> None:
    """A secret opens for its purpose and its owner, and is not in the blob."""
    sealed = keystore.seal_secret("access_key", "LTAI", b"s3cret")
    assert keystore.open_secret("access_key", "LTAI", sealed) == b"s3cret"
    assert b"s3cret" not in sealed
    for purpose, owner in (("access_key", "LTAJ"), ("client_key", "LTAI")):
        with pytest.raises(SealBroken):
            keystore.open_secret(purpose, owner, sealed)


@pytest.mark.parametrize("length", [1, 16, 32, 1024])
def test_data_keys(keystore: KeyStore, length: int) -> None:
    """Base64 of so many bytes, drawn anew each time."""
    text = keystore.data_key_text(length)
    assert len(base64.b64decode(text, validate=True)) == length
    assert length == 1 or keystore.data_key_text(length) != text


def test_root_key_file_is_closed_and_whole(tmp_path: Path) -> None:
    """0600 whatever the umask; 0x01 and 32 bytes; nothing else is left in the folder."""
    before = os.umask(0)
    try:
        open_root_key(tmp_path / "root.key")
    finally:
        os.umask(before)
    content = (tmp_path / "root.key").read_bytes()
    assert stat.S_IMODE((tmp_path / "root.key").stat().st_mode) == 0o600
    assert len(content) == 33
    assert content[0] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["root.key"]
    open_root_key(tmp_path / "root.key")
    assert (tmp_path / "root.key").read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_loose_root_key_is_refused(tmp_path: Path, mode: int) -> None:
    """Whoever else may touch it, the service does not start; the sentence names file, mode and cure."""
    path = tmp_path / "root.key"
    open_root_key(path)
    path.chmod(mode)
    with pytest.raises(RootKeyRefused, match=rf"{path}.*{mode:04o}.*chmod 600") as raised:
        open_root_key(path)
    assert path.read_bytes().hex() not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\x01", b"\x01" + bytes(31), b"\x01" + bytes(33), b"\x02" + bytes(32)])
def test_misshapen_root_key_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    """A torn file or one of another format stops the start and is left as it is: a new key would orphan all data."""
    path = tmp_path / "root.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(RootKeyRefused, match=str(path)):
        open_root_key(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_root_key(tmp_path: Path) -> None:
    """Only a regular file will do."""
    (tmp_path / "root.key").mkdir(mode=0o700)
    with pytest.raises(RootKeyRefused, match="not a regular file"):
        open_root_key(tmp_path / "root.key")


def test_processes_starting_together_get_one_root_key(tmp_path: Path) -> None:
    """Eight processes race for the first start; all of them serve from the key that is in the file."""
    program = (
        "import sys; from pathlib import Path\n"
        "from keystead.hsm.software import SoftwareKeyStore, open_root_key\n"
        "keystore = SoftwareKeyStore(open_root_key(Path(sys.argv[1])))\n"
        "print(keystore.seal_secret('race', 'all', b'one key').hex())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "root.key")]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    sealed = [bytes.fromhex(racer.communicate(timeout=60)[0]) for racer in racers]
    keystore = SoftwareKeyStore(open_root_key(tmp_path / "root.key"))
    assert {keystore.open_secret("race", "all", blob) for blob in sealed} == {b"one key"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["root.key"]


def test_nothing_opened_has_a_printable_or_portable_form(keystore: KeyStore, tmp_path: Path) -> None:
    """Root key, key store and handle print their class and nothing else, and cannot be pickled."""
    handle, root = _opened(keystore), open_root_key(tmp_path / "root.key")
    assert [repr(thing) for thing in (handle, root, keystore)] == [
        "<SoftwareVersionHandle>",
        "<RootKey>",
        "<SoftwareKeyStore>",
    ]
    for thing in (handle, root):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
