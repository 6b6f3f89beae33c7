"""Script of the search command ``| elasticmatch``, started by splunkd. See ``search_command.elasticmatch``."""

import import_paths  # noqa: F401
import quiet  # noqa: F401
from search_command.elasticmatch.command import ElasticmatchCommand

if __name__ == "__main__":
    ElasticmatchCommand().start()
