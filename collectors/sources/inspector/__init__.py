"""Amazon Inspector: vulnerabilities of software, and ways in from the network."""
