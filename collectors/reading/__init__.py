"""From the bytes of an object to its records: what it is, unpacked, and read by its source."""
