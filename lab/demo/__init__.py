"""``script/demo``: AWS's logs into an engine, a tour of searches through the app's command, and a prompt."""
