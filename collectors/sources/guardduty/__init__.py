"""Amazon GuardDuty: threats found in logs, attack sequences among them."""
