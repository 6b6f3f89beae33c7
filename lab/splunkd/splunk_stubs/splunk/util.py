"""Small things scripts take from Splunk."""

import calendar


def normalizeBoolean(value):
    """Return True or False for the words that mean one, anything else as it is."""
    text = str(value).strip().lower()
    if text in ("1", "true", "t", "yes", "y", "on"):
        return True
    if text in ("0", "false", "f", "no", "n", "off"):
        return False
    return value


def mktimegm(parts):
    """Return epoch seconds of a UTC time tuple."""
    return calendar.timegm(parts)
