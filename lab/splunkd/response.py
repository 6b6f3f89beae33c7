"""The response's settings as the app's pages write them: where the functions are, and the account to invoke them."""

from __future__ import annotations

from .state import State

SETTINGS_CONF, ACCOUNT_CONF = "aws_siem_bridge_settings", "aws_siem_bridge_aws_account"
ACCOUNT = "responder"
STORED_ELSEWHERE = "*" * 6


def set_up_response(
    state: State,
    lambda_url: str,
    *,
    region: str = "eu-west-1",
    access_key: str = "AKIAOPSEXAMPLE000001",
    secret: str = "lab",
    role_arn: str = "",
    external_id: str = "",
) -> None:
    """Let alert actions hand over to the functions at a URL: by an access key, through a role where one is given.

    With an empty ``access_key`` the account is that of the machine's environment.
    """
    account = {"sign_in": "access_key" if access_key else "machine", "endpoints": f"lambda={lambda_url}"}
    if access_key:
        account.update({"access_key_id": access_key, "secret_access_key": STORED_ELSEWHERE})
        state.set_secrets(ACCOUNT_CONF, ACCOUNT, {"secret_access_key": secret})
    if role_arn:
        account.update({"role_arn": role_arn, "external_id": external_id})
    state.set_stanza(ACCOUNT_CONF, ACCOUNT, account)
    state.set_stanza(SETTINGS_CONF, "response", {"account": ACCOUNT, "region": region})
    state.set_stanza("savedsearches", "aws_replay_responses", {"disabled": "0"})
