"""Settings of an account as the page AWS accounts calls them."""

from __future__ import annotations

from splunk_host.labels import replacing

#: Conf key -> label.
LABELS = {
    "sign_in": "Sign in with",
    "access_key_id": "Access key id",
    "secret_access_key": "Secret access key",
    "role_arn": "Role ARN",
    "external_id": "External id",
    "first_role_arn": "First role ARN",
    "first_external_id": "First external id",
    "organisation_role": "Role in every member",
    "organisation_external_id": "External id of that role",
    "organisation_accounts": "Only these accounts",
    "sts_region": "STS region",
    "proxy_username": "Proxy user name",
    "proxy_password": "Proxy password",
    "ca_file": "CA file",
}
as_on_the_page = replacing(LABELS)
