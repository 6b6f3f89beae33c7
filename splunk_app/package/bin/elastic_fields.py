"""Script of the search command ``| elasticfields``, started by splunkd. See ``search_command.elasticfields``."""

import quick_start  # noqa: F401, I001  # before all others
import import_paths  # noqa: F401
import quiet  # noqa: F401
from search_command.elasticfields.command import ElasticfieldsCommand

if __name__ == "__main__":
    ElasticfieldsCommand().start()
