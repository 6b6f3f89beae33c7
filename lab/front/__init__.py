"""HTTP servers that stand between a client and an engine, and check it or trouble it as the world outside would.

`aws` verifies AWS signatures and can behave like OpenSearch Serverless, `faults` breaks connections on demand,
`forward_proxy` is the proxy of a company's network.
"""
