"""What Splunk's command line tools share with scripts."""
