"""Secrets of AWS Secrets Manager. Their text is in no message."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from aws_bridge.clients import errors, said
from aws_bridge.errors import AwsError


class SecretProblem(AwsError):
    """A secret cannot be used."""


class Login(NamedTuple):
    """What a secret ``{"username": ..., "password": ...}`` holds."""

    username: str
    password: str


def login_of(secretsmanager: Any, arn: str) -> Login:
    """Return user name and password of a secret. Raises `SecretProblem`."""
    try:
        text = secretsmanager.get_secret_value(SecretId=arn)["SecretString"]
    except errors() as exc:
        raise SecretProblem(
            f"secret {arn} cannot be read: {said(exc)}. The function's role needs "
            "secretsmanager:GetSecretValue on it, and kms:Decrypt if it has a key of its own"
        ) from exc
    try:
        facts = json.loads(text)
        return Login(facts["username"], facts["password"])
    except (ValueError, KeyError, TypeError):
        raise SecretProblem(
            f'secret {arn} is not JSON with "username" and "password"'
        ) from None  # the text of the cause could hold the secret
