"""Signatures of closing records, checked with a public key and no network. Needs the package ``cryptography``.

The key is an elliptic curve's (NIST P-256) and the signature ECDSA over the sha256 of the record, as AWS KMS makes it
of a message of the type RAW: https://docs.aws.amazon.com/kms/latest/developerguide/asymmetric-key-specs.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from response.errors import BadEvidence

_PEM = b"-----BEGIN"


def public_key(text: bytes) -> Any:
    """Return the key of PEM, of DER, or of the base64 that ``aws kms get-public-key`` gives. Raises `BadEvidence`."""
    serialization, ec = _cryptography()
    try:
        if text.lstrip().startswith(_PEM):
            key = serialization.load_pem_public_key(text.strip())
        else:
            key = serialization.load_der_public_key(_der(text))
    except (ValueError, TypeError) as exc:
        raise BadEvidence(f"the public key cannot be read: {exc}") from exc
    except Exception as exc:  # of cryptography: a kind of key that it does not know
        raise BadEvidence(f"the public key cannot be read: {exc!r}") from exc
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise BadEvidence("the public key is none of an elliptic curve: evidence is signed with ECC_NIST_P256")
    return key


def is_signature(key: Any, signature: bytes, signed: bytes) -> bool:
    """Return whether ``signature`` is that of ``signed`` by the owner of ``key`` (`public_key`)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes

    _, ec = _cryptography()
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def fingerprint(key: Any) -> str:
    """Return the sha256 of the key's DER (SubjectPublicKeyInfo), which people compare."""
    import hashlib

    serialization, _ = _cryptography()
    how = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(*how)).hexdigest()


def pem_of(der: bytes) -> bytes:
    """Return the PEM of a public key in DER, as KMS gives it; needs no package."""
    text = base64.b64encode(der)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"-----BEGIN PUBLIC KEY-----\n" + b"\n".join(lines) + b"\n-----END PUBLIC KEY-----\n"


def _der(text: bytes) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return text


def _cryptography() -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as exc:
        raise BadEvidence(
            "signatures are checked with the package cryptography: pip install 'aws-siem-bridge[verify]'"
        ) from exc
    return serialization, ec
