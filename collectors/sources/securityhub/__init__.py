"""AWS Security Hub CSPM: findings of many products in ASFF, and controls of standards."""
