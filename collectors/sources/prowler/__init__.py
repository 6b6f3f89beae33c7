"""Prowler: checks of AWS accounts against CIS, PCI DSS, KISA ISMS-P and others, as files in OCSF or ASFF."""
