"""What there is in an account, as AWS's APIs tell: machines, addresses, buckets, identities, and how they are exposed.

`asset` says what an asset is. `accounts`, `network`, `compute`, `storage` and `identity` list one area each.
`inventory` leads through them in one account and region. `changes` tells what appeared, changed or went since then.
"""
