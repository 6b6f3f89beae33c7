"""What Splunk knows of AWS's fields: one table, rendered into the app's conf files. Runs when the table changes.

`mapping` reads ``mapping.yaml``, `render` writes what Splunk reads: ``python -m splunk_app.knowledge``. The files are
in ``splunk_app/package/default`` and, for tiers that only parse, in ``deploy/splunk``; a test compares them.
"""
