"""Script of the search command ``| elasticindices``, started by splunkd. See ``search_command.elasticindices``."""

import quick_start  # noqa: F401, I001  # before all others
import import_paths  # noqa: F401
import quiet  # noqa: F401
from search_command.elasticindices.command import ElasticindicesCommand

if __name__ == "__main__":
    ElasticindicesCommand().start()
