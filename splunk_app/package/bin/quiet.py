"""Keeps a search command's stderr empty: splunkd makes errors in search.log of it. Import this before any library."""

import logging
import warnings

# Without a handler the SDK would install one that writes there.
logging.getLogger().addHandler(logging.NullHandler())
warnings.simplefilter("ignore")
