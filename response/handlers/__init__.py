"""Lambda functions of the response: each reads its settings, calls one action, and answers."""
