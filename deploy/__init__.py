"""Data for deployments: index templates, policies, the SAM template. A package only so that it is installed."""
