"""Conf files, read without splunkd. The stand-in has none on disk for all its settings: ask splunkd."""


def getConfKeyValue(conf, stanza, key):
    """Refuse: the stand-in's settings are not all on disk."""
    raise NotImplementedError("splunk.clilib.cli_common is not in the stand-in: read conf files through REST")
