"""Settings of a collector as the tab Event collectors calls them."""

from __future__ import annotations

from splunk_host.labels import replacing

#: Conf key -> label.
LABELS = {
    "url": "URL",
    "token": "Token",
    "verify_tls": "Verify the certificate",
    "ca_file": "CA file",
    "index": "Index",
    "resend_after_s": "Send again after (s)",
}
as_on_the_page = replacing(
    {**{f"{key}:": f"{label}:" for key, label in LABELS.items()}, **{key: LABELS[key] for key in ("ca_file",)}}
)
