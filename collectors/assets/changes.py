"""What appeared, changed or went since the last inventory, and what is due to be written again.

An asset is written when it is new or something about it changed, and once in a while all the same: a search head that
builds its table of assets from events forgets what nobody mentions any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Set

from collectors.assets.asset import USUAL_TAGS, Asset, TagNames

APPEARED, CHANGED, GONE, PRESENT = "appeared", "changed", "gone", "present"
#: An asset about which nothing changes is written again after this long.
REFRESH_S = 86_400


class Change(NamedTuple):
    """One event of an inventory: ``event`` is what is written."""

    what: str
    key: str
    event: Mapping[str, Any]


@dataclass
class Seen:
    """The assets of one account and region as of the last inventory. `as_json` is what a checkpoint keeps."""

    #: Key -> (digest, exposure, epoch seconds of the last event, name of the list it came from).
    assets: Dict[str, List[Any]] = field(default_factory=dict)
    #: Whether there was an inventory before: the first one finds everything, which is no news.
    begun: bool = False

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Seen:
        """Return what `as_json` gave."""
        return cls({key: list(value) for key, value in stored["assets"].items()}, bool(stored["begun"]))

    def as_json(self) -> Dict[str, Any]:
        """Return it as JSON."""
        return {"assets": self.assets, "begun": self.begun}

    def compare(
        self, lists: Mapping[str, Iterable[Asset]], complete: Set[str], now_s: int, tags: TagNames = USUAL_TAGS
    ) -> List[Change]:
        """Take an inventory and return what is to be written. ``lists``: name of a list -> its assets.

        What a list that is not ``complete`` does not name is not gone. A ``changed`` says what about the exposure
        changed: ``became_public``, ``opened`` and ``closed`` ports.
        """
        changes: List[Change] = []
        there: Set[str] = set()
        for name, assets in lists.items():
            for asset in assets:
                there.add(asset.key)
                change = self._note(name, asset, now_s, tags)
                if change:
                    changes.append(change)
        for key in [key for key, known in self.assets.items() if key not in there and known[3] in complete]:
            del self.assets[key]
            account, region, kind, id = key.split(":", 3)
            event = {"asset_key": key, "kind": kind, "id": id, "account": account, "region": region, "change": GONE}
            changes.append(Change(GONE, key, event))
        self.begun = self.begun or bool(complete)
        return changes

    def forget_writing(self, change: Change) -> None:
        """Take note that a change was not written: its asset is due at the next inventory."""
        if change.key in self.assets:
            self.assets[change.key][2] = 0

    def _note(self, name: str, asset: Asset, now_s: int, tags: TagNames) -> Any:
        before = self.assets.get(asset.key)
        digest, exposure = asset.digest, asset.exposure
        if before is None:
            what = APPEARED if self.begun else PRESENT
        elif before[0] != digest:
            what = CHANGED
        elif now_s - before[2] >= REFRESH_S:
            what = PRESENT
        else:
            return None
        self.assets[asset.key] = [digest, exposure, now_s, name]
        event = {**asset.event(tags), "change": what}
        if what in (CHANGED, APPEARED):
            event.update(_exposed({} if before is None else before[1], exposure))
        return Change(what, asset.key, event)


def _exposed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what about the exposure differs."""
    found: Dict[str, Any] = {}
    if after.get("public") and not before.get("public"):
        found["became_public"] = True
    open_before, open_after = set(before.get("open_to_world", ())), set(after.get("open_to_world", ()))
    if open_after - open_before:
        found["opened"] = sorted(open_after - open_before)
    if open_before - open_after:
        found["closed"] = sorted(open_before - open_after)
    return found
