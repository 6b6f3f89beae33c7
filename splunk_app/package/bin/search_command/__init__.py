"""The search commands. What they share is here; what only one of them needs is in the folder of its name.

::

    chunked.py      the protocol that splunkd speaks with a command
    command.py      a command that asks a cluster: settings, ceilings, messages, metrics, audit line, end
    options.py      what the user typed, by a table of names; timerange.py: from when to when
    connection.py   from the settings to a connection and a request
    elasticsearch/  ``| elasticsearch``: documents as events
"""
