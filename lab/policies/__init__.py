"""What AWS's policies allow, answered offline: identity, resource, trust and session policies, with their conditions.

For tests of what is shipped: the stand-in for AWS checks neither ExternalId nor conditions nor session policies.
"""

from .simulator import Decision, PolicyError, PolicySimulator, Question

__all__ = ["Decision", "PolicyError", "PolicySimulator", "Question"]
