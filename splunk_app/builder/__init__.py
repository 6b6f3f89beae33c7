"""Builds the Splunk app, and checks what was built. Needs the standard library only; nothing of it gets into the app.

``script/build-app`` runs `splunk_app.builder.build`, ``script/check-app`` runs `splunk_app.builder.check`.
"""
