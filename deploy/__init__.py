"""Data for deployments: index templates (later policies and CloudFormation). A package only so that it is installed."""
