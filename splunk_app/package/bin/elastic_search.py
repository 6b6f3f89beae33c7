"""Script of the search command ``| elasticsearch``, started by splunkd. See ``search_command.elasticsearch``.

Not called elasticsearch.py: the folder of a script comes first on its path, so that would hide the package of that
name.
"""

import quick_start  # noqa: F401, I001  # before all others
import import_paths  # noqa: F401
import quiet  # noqa: F401
from search_command.elasticsearch.command import ElasticsearchCommand

if __name__ == "__main__":
    ElasticsearchCommand().start()
