"""What the store of the logs is set up with: templates, lifecycle policies, retention."""
