"""Runs the checklist of ``docs/verify_on_splunk.md`` against a Splunk, over its REST interface.

`checks` has one function a check, under the number it has on the page; `fixture` makes the roles, the test user and the
access rule they need and takes them away; `report` writes what came out. What REST cannot do stays on the page.
"""
