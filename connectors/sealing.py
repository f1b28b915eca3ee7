"""Secrets a vendor hands out that must outlive the process: locked with those the YAML holds, so that the database by
itself opens nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class Seal:
    """Locks and opens texts with what only the holder of the configured secrets knows. Other secrets in the YAML make
    another seal: what was locked before does not open any more."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = [secret.encode() for secret in secrets]

    def locked(self, text: str) -> str:
        return str(self._fernet().encrypt(text.encode()).decode())

    def opened(self, sealed: str) -> str | None:
        """None when it was locked with other secrets, or is no such thing at all."""
        from cryptography.fernet import InvalidToken

        try:
            return str(self._fernet().decrypt(sealed.encode()).decode())
        except InvalidToken:
            return None

    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet  # quick starts need not pay for it

        # Each secret is hashed by itself: no two lists of them run together into one.
        parts = b"".join(hashlib.sha256(secret).digest() for secret in self._secrets)
        key = hmac.digest(parts, b"npsync: what a vendor handed out", "sha256")
        return Fernet(base64.urlsafe_b64encode(key))
