"""TLS, users and roles of the secured engines, as files of the security plugin.

User           may
root           everything
reader         search ``aws-*`` with its own PIT, scroll and msearch; read mappings and settings; have queries
               explained; ``GET /``
reader_nopit   only search and scroll on ``aws-*``: a PIT and field capabilities are refused
reader_1page   only search on ``aws-*``: neither a PIT nor the second page of a scroll
loader         only create documents and indices in ``aws-*``
dls            read the documents of ``aws-*`` whose ``recipientAccountId`` is DLS_ACCOUNT, without the field ``secret``

Certificates and passwords are made for each node folder and stay in it, as the engine keeps the users in its data.
"""

from __future__ import annotations

import json
import secrets
import shutil
from pathlib import Path
from typing import Any, Dict

from .errors import EngineUnavailable

USERS = ("root", "reader", "reader_nopit", "reader_1page", "loader", "dls")
#: The account whose documents the user ``dls`` sees.
DLS_ACCOUNT = "222222222222"
PLUGIN = "opensearch-security"
_NODE_DN = "CN=node,O=aws-siem-bridge lab"

_INDEX = "aws-*"
_ROLES: Dict[str, Dict[str, Any]] = {
    "reader": {
        "cluster_permissions": ["cluster:monitor/main", "cluster_composite_ops_ro", "indices:data/read/scroll/clear"],
        "index_permissions": [
            {
                "index_patterns": [_INDEX],
                "allowed_actions": [
                    "read",
                    "indices:admin/validate/query",
                    "indices:admin/mappings/get",
                    "indices:monitor/settings/get",
                ],
            }
        ],
    },
    "reader_nopit": {
        # Scroll follow-ups name no index, so the plugin asks the cluster permissions for them.
        "cluster_permissions": ["indices:data/read/scroll*"],
        "index_permissions": [{"index_patterns": [_INDEX], "allowed_actions": ["indices:data/read/search*"]}],
    },
    "reader_1page": {
        "index_permissions": [{"index_patterns": [_INDEX], "allowed_actions": ["indices:data/read/search*"]}],
    },
    "loader": {
        "cluster_permissions": ["indices:data/write/bulk"],
        "index_permissions": [
            {
                "index_patterns": [_INDEX],
                "allowed_actions": ["create_index", "indices:data/write/bulk*", "indices:data/write/index"],
            }
        ],
    },
    "dls": {
        "cluster_permissions": ["cluster:monitor/main", "cluster_composite_ops_ro"],
        "index_permissions": [
            {
                "index_patterns": [_INDEX],
                "allowed_actions": ["read"],
                "dls": json.dumps({"term": {"recipientAccountId": DLS_ACCOUNT}}),
                "fls": ["~secret"],
            }
        ],
    },
}
_MAPPING = {
    "all_access": {"users": ["root"]},
    **{role: {"users": [role]} for role in _ROLES},
}
_CONFIG = {
    "config": {
        "dynamic": {
            "http": {"anonymous_auth_enabled": False},
            "authc": {
                "basic": {
                    "http_enabled": True,
                    "transport_enabled": True,
                    "order": 0,
                    "http_authenticator": {"type": "basic", "challenge": True},
                    "authentication_backend": {"type": "intern"},
                }
            },
        }
    }
}

#: Settings of opensearch.yml; paths are relative to the configuration folder.
SETTINGS: Dict[str, Any] = {
    **{
        f"plugins.security.ssl.{layer}.{name}": file
        for layer in ("transport", "http")
        for name, file in (
            ("pemcert_filepath", "node.pem"),
            ("pemkey_filepath", "node.key"),
            ("pemtrustedcas_filepath", "ca.pem"),
        )
    },
    "plugins.security.ssl.transport.enforce_hostname_verification": False,
    "plugins.security.ssl.http.enabled": True,
    "plugins.security.nodes_dn": [_NODE_DN],
    "plugins.security.allow_default_init_securityindex": True,
    "plugins.security.restapi.roles_enabled": ["all_access"],
}


def write_security(home: Path, config: Path) -> Dict[str, str]:
    """Write certificates, users and roles into a node's configuration folder; return user name -> password.

    A folder that has them keeps them. Raise EngineUnavailable when a package for it is not installed.
    """
    kept = config / "users.json"
    if kept.is_file():
        return json.loads(kept.read_text("utf-8"))
    users = {user: secrets.token_urlsafe(12) for user in USERS}
    _write_certificates(config)
    folder = config / PLUGIN
    # The defaults bring the static groups of actions (read, create_index) and the empty files it insists on.
    shutil.copytree(home / "plugins" / PLUGIN / "config", folder, dirs_exist_ok=True)
    _write(folder / "internal_users.yml", "internalusers", {name: {"hash": _hash(users[name])} for name in USERS})
    _write(folder / "roles.yml", "roles", _ROLES)
    _write(folder / "roles_mapping.yml", "rolesmapping", _MAPPING)
    _write(folder / "config.yml", "config", _CONFIG)
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(users), "utf-8")
    return users


def _write(path: Path, kind: str, content: Dict[str, Any]) -> None:
    # JSON is YAML.
    path.write_text(json.dumps({"_meta": {"type": kind, "config_version": 2}, **content}, indent=1), "utf-8")


def _hash(password: str) -> str:
    import bcrypt

    # The plugin's library knows the same algorithm only by its older name.
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode().replace("$2b$", "$2y$")


def _write_certificates(config: Path) -> None:
    try:
        import trustme
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise EngineUnavailable(
            "the secured engine needs the packages trustme and bcrypt. Install them: pip install '.[lab]' in the clone"
        ) from error
    authority = trustme.CA()
    node = authority.issue_cert("127.0.0.1", "localhost", common_name="node", organization_name="aws-siem-bridge lab")
    authority.cert_pem.write_to_path(str(config / "ca.pem"))
    (config / "node.pem").write_bytes(b"".join(pem.bytes() for pem in node.cert_chain_pems))
    key = serialization.load_pem_private_key(node.private_key_pem.bytes(), password=None)
    target = config / "node.key"
    target.touch(mode=0o600)
    # The plugin reads PKCS 8 only.
    target.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
