"""Script of the search command ``| elasticsearch``, started by splunkd. The command is in ``search_command``.

Not called elasticsearch.py: the folder of a script comes first on its path, so that would hide the package of that
name.
"""

import logging
import sys
import warnings

# stderr ends up as errors in search.log: nothing may write there, and the SDK would install a handler that does.
logging.getLogger().addHandler(logging.NullHandler())
warnings.simplefilter("ignore")

import import_paths  # noqa: E402, F401
from search_command.command import ElasticsearchCommand  # noqa: E402

if __name__ == "__main__":
    # One argument only: with more the SDK would speak protocol version 1.
    ElasticsearchCommand().process(sys.argv[:1], sys.stdin, sys.stdout)
