"""Which findings of Security Hub are wanted: of which products, and of its own controls of which standards.

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
    #: Names or parts of ids: `collectors.sources.hub_products.STANDARDS`.
    standards: Tuple[str, ...] = ()

    @classmethod
    def of(cls, products: Iterable[str], left_out: Iterable[str], standards: Iterable[str]) -> Wanted:
        """Return it of names as people write them."""
        return cls(frozenset(map(short_name, products)), frozenset(map(short_name, left_out)), tuple(standards))

    def __call__(self, finding: Finding) -> bool:
        """Whether a finding is wanted."""
        if not finding.product:
            return True
        product = short_name(finding.product)
        if product in self.left_out or (self.products and product not in self.products):
            return False
        return not self.standards or not finding.standards or is_of(finding.standards, self.standards)
