"""Ciphertext bytes: how a CiphertextBlob is laid out, and what an EncryptionContext is as bytes.

What must always hold: a layout or a canonical form, once published, reads the same for ever; nothing here does cryptography or
touches a key. Called by `keyring`; pure throughout.
"""
