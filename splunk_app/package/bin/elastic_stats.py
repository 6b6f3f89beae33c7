"""Script of the search command ``| elasticstats``, started by splunkd. See ``search_command.elasticstats``."""

import import_paths  # noqa: F401
import quiet  # noqa: F401
from search_command.elasticstats.command import ElasticstatsCommand

if __name__ == "__main__":
    ElasticstatsCommand().start()
