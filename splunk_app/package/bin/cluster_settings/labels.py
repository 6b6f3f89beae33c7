"""Settings as the configuration page calls them: errors name conf keys, somebody before the page knows labels."""

from __future__ import annotations

from splunk_host.labels import replacing

#: Conf key -> label. Keys that are ordinary words, such as ``hosts``, are left out: they read the same in a sentence.
LABELS = {
    "is_default": "Default cluster",
    "api_key": "API key",
    "bearer_token": "Bearer token",
    "aws_region": "AWS region",
    "aws_service": "AWS service",
    "aws_profile": "AWS profile",
    "aws_access_key_id": "AWS access key id",
    "aws_secret_access_key": "AWS secret access key",
    "aws_session_token": "AWS session token",
    "aws_role_arn": "AWS role ARN",
    "verify_tls": "Verify certificate",
    "allow_plain_http": "Allow credentials over plain HTTP",
    "ca_file": "CA file",
    "client_cert_file": "Client certificate file",
    "client_key_file": "Client key file",
    "proxy_username": "Proxy user name",
    "proxy_password": "Proxy password",
    "default_index": "Default index",
    "time_field": "Time field",
    "max_rows": "Most rows",
    "max_run_time_s": "Longest run time (s)",
    "max_mib": "Most data (MiB)",
    "max_concurrent_searches": "Searches at a time",
    "max_query_chars": "Longest query (characters)",
    "max_query_clauses": "Most clauses",
    "max_query_wildcards": "Most wildcards",
    "leading_wildcards": "Leading wildcards",
    "page_size_docs": "Page size (documents)",
    "connect_timeout_s": "Connect timeout (s)",
    "request_timeout_s": "Request timeout (s)",
    "max_retries": "Retries",
}
#: Other words of errors -> words of the page: fields of `es_bridge.config.Auth`, and its kinds.
_OTHER_WORDS = {
    "access_key_id": "AWS access key id",
    "session_token": "AWS session token",
    "auth kind basic": "Sign in with User name and password",
    "auth kind api_key": "Sign in with API key",
    "auth kind bearer": "Sign in with Bearer token",
    "auth kind sigv4": "Sign in with AWS Signature V4 (IAM)",
    "credentials (basic)": "credentials (User name and password)",
    "credentials (sigv4)": "credentials (AWS Signature V4)",
}
_replaced = replacing({**LABELS, **_OTHER_WORDS})


def as_on_the_page(text: str) -> str:
    """Return a message with settings called as on the page."""
    return _replaced(text)
