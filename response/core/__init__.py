"""Decisions: facts in, changes out. No call of AWS, no clock, no file."""
