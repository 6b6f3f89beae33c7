"""One module an action: read, decide, record, change, read back."""
