"""The app's dashboards as data, and what Splunk reads of them.

A page is a file in ``pages``, every word that people read is in ``catalogue.yml``, in English and Korean.
``python -m splunk_app.dashboards`` checks all of it and renders a Dashboard Studio view a page and language, and the
navigation. Who only wants the definitions calls `splunk_app.dashboards.definitions.definitions`.
"""
