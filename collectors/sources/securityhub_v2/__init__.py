"""AWS Security Hub: findings of many products in OCSF."""
