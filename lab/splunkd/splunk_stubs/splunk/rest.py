"""Requests to splunkd, that is to the stand-in, over real HTTP."""

import http.client
import json
import os
import ssl
import urllib.parse

import splunk


class _Response(dict):
    """Headers by lower-case name, and ``status``."""

    def __init__(self, reply):
        super().__init__((name.lower(), value) for name, value in reply.getheaders())
        self.status = reply.status
        self.reason = reply.reason
        self["status"] = str(reply.status)


def simpleRequest(
    path,
    sessionKey=None,
    getargs=None,
    postargs=None,
    method="GET",
    raiseAllErrors=False,
    proxyMode=False,
    rawResult=False,
    timeout=30,
    jsonargs=None,
    token=False,
):
    """Return (response, body as bytes) of a request to splunkd; ``response.status`` is a number."""
    uri = urllib.parse.urlsplit(os.environ["STAND_IN_SPLUNKD_URI"])
    target = path if path.startswith("/") else urllib.parse.urlsplit(path).path
    if getargs:
        target += ("&" if "?" in target else "?") + urllib.parse.urlencode(getargs)
    key = sessionKey or splunk.getSessionKey()
    headers = {"Authorization": "{} {}".format("Bearer" if token else "Splunk", key)} if key else {}
    body = None
    if postargs is not None:
        method = "POST" if method == "GET" else method
        body = urllib.parse.urlencode(postargs)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif jsonargs is not None:
        method = "POST" if method == "GET" else method
        body = jsonargs if isinstance(jsonargs, str) else json.dumps(jsonargs)
        headers["Content-Type"] = "application/json"
    host = uri.hostname or "127.0.0.1"
    connection: http.client.HTTPConnection
    if uri.scheme == "https":
        # splunkd's own certificate is signed by nobody.
        context = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(host, uri.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, uri.port, timeout=timeout)
    try:
        connection.request(method, target, body, headers)
        reply = connection.getresponse()
        content = reply.read()
    except OSError as exc:
        raise splunk.SplunkdConnectionException(f"splunkd did not answer: {exc}")
    finally:
        connection.close()
    if not rawResult and not proxyMode:
        _raise_for(reply.status, content, raiseAllErrors)
    return _Response(reply), content


def _raise_for(status, content, raise_all):
    text = content.decode("utf-8", "replace")
    if status == 401:
        raise splunk.AuthenticationFailed(messages=text)
    if status == 403:
        raise splunk.AuthorizationFailed(messages=text)
    if status == 404:
        raise splunk.ResourceNotFound(messages=text)
    if status >= 400 and raise_all:
        raise splunk.RESTException(status, text)


def getWebCertFile():
    """Return the certificate of Splunk Web; the stand-in has none."""


def getWebKeyFile():
    """Return the key of Splunk Web; the stand-in has none."""


def is_cert_or_key_encrypted(cert_filename):
    """Return whether a certificate or key needs a password; the stand-in has none."""
    return False
