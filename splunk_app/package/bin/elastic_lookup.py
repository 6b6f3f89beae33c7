"""Script of the search command ``| elasticlookup``, started by splunkd. See ``search_command.elasticlookup``."""

import import_paths  # noqa: F401
import quiet  # noqa: F401
from search_command.elasticlookup.command import ElasticlookupCommand

if __name__ == "__main__":
    ElasticlookupCommand().start()
