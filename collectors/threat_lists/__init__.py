"""Lists of addresses, networks, domains and hashes that others call bad: read, checked, kept in the KV store."""
