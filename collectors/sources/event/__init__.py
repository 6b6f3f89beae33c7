"""Events of EventBridge that no other folder knows: written as they are."""
