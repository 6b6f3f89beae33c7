"""Which findings are wanted: from which severity, of which of Security Hub's products, of which standards.

Decided after AWS has answered, whatever AWS's filters let through, so that a road by events and a poll leave out the
same. What is left out is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Iterable, Tuple

from collectors.records.finding import Finding
from collectors.sources.hub_products import is_of, short_name


@dataclass(frozen=True)
class Wanted:
    """Everything, if nothing is chosen. Findings that are not Security Hub's are always wanted."""

    products: FrozenSet[str] = frozenset()
    left_out: FrozenSet[str] = frozenset()
    #: From 0 to 10. AWS's own filter of GuardDuty takes whole numbers only.
    least_severity: float = 0.0
    #: Names or parts of ids: `collectors.sources.hub_products.STANDARDS`.
    standards: Tuple[str, ...] = ()

    @classmethod
    def of(
        cls, products: Iterable[str], left_out: Iterable[str], standards: Iterable[str], least_severity: float = 0.0
    ) -> Wanted:
        """Return it of names as people write them."""
        products, left_out = frozenset(map(short_name, products)), frozenset(map(short_name, left_out))
        return cls(products, left_out, least_severity, tuple(standards))

    def __call__(self, finding: Finding) -> bool:
        """Whether a finding is wanted."""
        if finding.severity.number < self.least_severity:
            return False
        if not finding.product:
            return True
        product = short_name(finding.product)
        if product in self.left_out or (self.products and product not in self.products):
            return False
        return not self.standards or not finding.standards or is_of(finding.standards, self.standards)
