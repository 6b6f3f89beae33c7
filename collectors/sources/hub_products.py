"""The products whose findings Security Hub gathers, and the standards of its own controls, as people call them.

What a user chooses are short names; what AWS calls a product differs between its two hubs and over the years, so a
product has all the names it was seen with. Names that are not here are taken as they are.
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-internal-providers.html
https://docs.aws.amazon.com/securityhub/latest/userguide/standards-reference.html
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, Tuple

#: Short name -> names in ``ProductName`` (ASFF) and ``metadata.product.name`` (OCSF).
PRODUCTS: Dict[str, Tuple[str, ...]] = {
    "accessanalyzer": ("IAM Access Analyzer", "Access Analyzer", "AWS IAM Access Analyzer"),
    "guardduty": ("GuardDuty", "Amazon GuardDuty"),
    "inspector": ("Inspector", "Amazon Inspector"),
    "macie": ("Macie", "Amazon Macie"),
    "prowler": ("Prowler",),
    "securityhub": ("Security Hub", "Security Hub CSPM", "AWS Security Hub", "AWS Security Hub CSPM"),
}
#: Short name -> what is in the id or the title of the standard, `plain`.
STANDARDS: Dict[str, str] = {
    "cis": "cis-aws-foundations-benchmark",
    "fsbp": "foundational-security-best-practices",
    "pci": "pci-dss",
    "nist": "nist",
}
_BY_NAME = {name.lower(): short for short, names in PRODUCTS.items() for name in (short, *names)}


def short_name(product: str) -> str:
    """Return what stands for a product, whatever it is called where."""
    lower = " ".join(product.lower().split())
    return _BY_NAME.get(lower) or _BY_NAME.get(lower.replace(" ", "")) or lower


def names_of(products: Iterable[str]) -> List[str]:
    """Return the names that AWS has for products, each once."""
    found = [name for product in products for name in PRODUCTS.get(short_name(product), (product,))]
    return list(dict.fromkeys(found))


def plain(text: str) -> str:
    """Return a standard's id or title in one spelling: ``cis-aws-foundations-benchmark-v-3-0-0``."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def is_of(standards: Iterable[str], chosen: Iterable[str]) -> bool:
    """Whether one of the ``standards`` of a finding is among those that were chosen."""
    wanted = [STANDARDS.get(each.lower()) or plain(each) for each in chosen]
    return any(part in plain(standard) for standard in standards for part in wanted)
