"""Signs a closing record with an asymmetric key of AWS KMS, which never leaves it.

Needs ``kms:Sign`` and ``kms:GetPublicKey`` on the key (ECC_NIST_P256, SIGN_VERIFY).
"""

from __future__ import annotations

from typing import NamedTuple

from aws_bridge.accounts.area import Area
from response.core.custody import ALGORITHM
from response.errors import BadSettings


class SigningKey(NamedTuple):
    """``id``: id, ARN or alias of the key. ``area``: whose it is, and where."""

    area: Area
    id: str

    def public_key(self) -> bytes:
        """Return its public key in DER. Raises `BadSettings` for a key that cannot sign like this, `CallProblem`."""
        answer = self.area.ask("kms", "GetPublicKey", KeyId=self.id)
        if ALGORITHM not in (answer.get("SigningAlgorithms") or ()):
            raise BadSettings(
                f"the key {self.id} cannot sign with {ALGORITHM}: a key of the usage SIGN_VERIFY and the spec "
                "ECC_NIST_P256 is needed"
            )
        return bytes(answer["PublicKey"])

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message of up to 4,096 bytes, in DER. Raises `CallProblem`."""
        # RAW: KMS hashes it, so that what is signed is what anybody hashes, too.
        given = {"Message": message, "MessageType": "RAW", "SigningAlgorithm": ALGORITHM}
        return bytes(self.area.ask("kms", "Sign", KeyId=self.id, **given)["Signature"])
