"""What is collected on a host: a plan in YAML, and the SSM document that is made of it before anything is deployed."""
