"""AWS Shield Advanced: attacks that were seen. Shield Standard has neither a log nor an API."""
