"""Looking events up in a store: for each event, the documents that have its values at about its time.

`event_key` is what is asked and answered, `match_types` what the fields can hold, `batch` one request for many events,
`lookup` the whole of it. Nothing stays open in the engine: every request is a ``_msearch`` that stands for itself.
"""
