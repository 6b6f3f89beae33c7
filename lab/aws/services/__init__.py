"""AWS's security services as they answer: what moto lacks, in front of it.

`wire` holds requests and replies to AWS's own descriptions, `contract` is what an answer is written with, `store`
holds findings by account and region, and each service has a module, whose answers name the page of AWS they follow.
"""
