"""UCC's pages in words of this app, where globalConfig.json has no place for them.

UCC's text for a deletion does not say what it does, and that of an empty table speaks of records. They are
replaced in UCC's own script; a text that is not found there ends the build, so that a newer ucc-gen is looked at.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict

from splunk_app.builder import input_pages
from splunk_app.builder.environment import BuildError

#: Tab -> what the dialog says before something of it is deleted. NAME stands for its name.
BEFORE_DELETION = {
    "cluster": 'Delete "NAME"? Searches with cluster=NAME fail from then on, and its stored secrets are deleted. '
    "Nothing is deleted in the cluster itself.",
    "access": 'Delete "NAME"? What its roles may search is then decided by the other rules alone, beginning with '
    "their next search.",
    "aws_account": 'Delete "NAME"? Its stored secrets are deleted. An account that an input uses cannot be deleted. '
    "Nothing is deleted in AWS.",
    "hec": 'Delete "NAME"? Its stored token is deleted. A collector that an input sends to cannot be deleted.',
    **dict.fromkeys(
        input_pages.TABS,
        'Delete "NAME"? It reads nothing any more. What it has indexed stays, and where it was: a new input of this '
        "name goes on there, unless its checkpoints are deleted, too (docs/findings.md).",
    ),
}
#: Tab -> what an empty table says.
WHEN_EMPTY = {
    "cluster": "No cluster yet. Begin here: Add, name, hosts, how to sign in. Saving tries the connection. Then give "
    "roles the right to search it, on the tab Access.",
    "access": "No rule yet: only administrators may search. Add a cluster on the tab Clusters first, then here the "
    "roles that may search it, and which indices.",
    "aws_account": "No account yet. Inputs that are to use this machine's own role need none. Add one, on the heavy "
    "forwarder that the inputs run on, for an access key, a role to assume or an organisation.",
    "hec": "No event collector yet, and none is needed: inputs write to their own splunkd. Add one for inputs that are "
    "to wait until the indexers acknowledge (delivery = hec).",
    **dict.fromkeys(
        input_pages.TABS,
        "No input of this kind yet; nothing is read. Add one on a heavy forwarder: name, account, index. Saving asks "
        "AWS whether the account may read it.",
    ),
}
#: (what UCC's script has once, what stands in its place). ``ee(102,...)`` is UCC's text for a deletion; ``r`` and ``t``
#: are the tab's name, ``i`` the name of the stanza, ``A`` all rows by tab, also those that a filter hides.
_REPLACED = (
    ("_=n===Se?ee(103,[i]):ee(102,[i]);", "_=(TEXTS[t]||ee(103,[i])).split('NAME').join(i);", BEFORE_DELETION),
    (
        'e.length?null:l.jsx(tr,{children:"No records found"})',
        'e.length?null:l.jsx(tr,{children:!Object.keys(A[r]||{}).length&&TEXTS[r]||"Nothing fits the filter"})',
        WHEN_EMPTY,
    ),
)


#: A table of a page with a tab for each kind of input asks for the inputs of all kinds, so that seven tabs make 49
#: requests, each a process of Python. It asks for its own, and adds them to those of the others. ``N`` are all kinds,
#: ``r`` is the tab's, ``_`` sets the rows.
_OWN_ROWS = (
    ("function k(){const T=N?.map(x=>", "function k(){const Q=r?N?.filter(x=>x.name===r):N,T=Q?.map(x=>"),
    ("const I=Xa(N,x.map(V=>V.entry));_(I)", "const I=Xa(Q,x.map(V=>V.entry));_(J=>Object.assign({},J,I))"),
)


def use_our_words(tree: Path) -> None:
    """Replace UCC's texts in the built pages, and what asks too much. Raises `BuildError` where UCC has changed."""
    scripts = sorted((tree / "appserver" / "static" / "js" / "build").glob("*.js"))
    replaced = [(found, instead.replace("TEXTS", _object(texts))) for found, instead, texts in _REPLACED]
    for found, instead in (*replaced, *_OWN_ROWS):
        holding = [script for script in scripts if found in script.read_text("utf-8")]
        if len(holding) != 1 or holding[0].read_text("utf-8").count(found) != 1:
            raise BuildError(f"UCC's pages have changed: look for {found!r} and decide anew ({Path(__file__).name})")
        text = holding[0].read_text("utf-8").replace(found, instead)
        holding[0].write_text(text, "utf-8")


def _object(texts: Dict[str, str]) -> str:
    return json.dumps(texts, ensure_ascii=True, sort_keys=True).replace("</", "<\\/")
