"""``aws-siem-bridge templates``: index templates and lifecycle policies, shown and applied."""

from __future__ import annotations

import argparse
import json
from typing import Iterable, List

from collectors.cli.index_objects import add_choice
from collectors.errors import CollectorError
from collectors.sources.registry import LOGS
from collectors.store.lifecycle import LIFECYCLES, SELF_MANAGED, UNSUPPORTED, compare_policy, policy
from collectors.store.object_fields import COMPONENT, DEFAULT_OBJECTS, UNDECIDED, Decision, explained, parse_choice
from collectors.store.templates import (
    EDITED,
    MISSING,
    NO_LIFECYCLE,
    OUTDATED,
    SAME,
    TEMPLATES,
    Compared,
    Piece,
    compare,
    difference,
    has_free_form_objects,
    objects_for,
    pieces,
    write,
)
from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, FAILED, run_reported, say
from es_bridge.dialect import Dialect, Serverless, detect
from es_bridge.errors import PermissionDenied
from es_bridge.terminal import put
from es_bridge.transport import Transport

EXAMPLES = """\
examples:
  aws-siem-bridge templates apply --dry-run --url https://search.example:9200 --ca-file ca.pem --username admin
  aws-siem-bridge templates apply --lifecycle self-managed --url https://search.example:9200 --username admin
  aws-siem-bridge templates apply --dataset vpc_flow --lifecycle amazon --delete-after 400 --sigv4 eu-central-1
  aws-siem-bridge templates apply --dataset cloudtrail --index-objects requestParameters,additionalEventData --url ...
  aws-siem-bridge templates show --dataset cloudtrail --engine elasticsearch

apply writes what is missing and what this product has changed since. A template that somebody edited in the cluster
stays as it is until this product's own changes; a policy stays in any case. --overwrite replaces both. Policies are for
indices that are created afterwards: docs/lifecycle.md says how to manage those that are there.

show asks no cluster: it prints the requests, for an administrator to read and to send.

Exit status 0: done; with --dry-run: nothing differs. 1: something failed, or could not be done as asked; with
--dry-run: something differs.
"""
#: State -> what was done, and what would be.
_WORDS = {
    MISSING: ("created", "would be created"),
    OUTDATED: ("updated", "would be updated"),
    SAME: ("unchanged", "unchanged"),
    EDITED: ("kept: edited in the cluster (--overwrite replaces it)",) * 2,
}
_OVERWRITE = ("overwritten", "would be overwritten")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``templates``."""
    parser.epilog = EXAMPLES
    parser.add_argument("action", choices=("apply", "show"))
    parser.add_argument(
        "--dataset",
        action="append",
        choices=sorted(TEMPLATES),
        help="repeat it for more (default: the four AWS logs; the Beats only when named)",
    )
    parser.add_argument(
        "--lifecycle",
        choices=LIFECYCLES,
        default=NO_LIFECYCLE,
        help="self-managed: nodes with node.attr.temp (OpenSearch), data tiers (Elasticsearch); amazon: UltraWarm and "
        "cold storage; none (default): leave lifecycles as they are",
    )
    parser.add_argument(
        "--delete-after",
        type=int,
        metavar="DAYS",
        help="keep events this long instead (default: see docs/lifecycle.md)",
    )
    add_choice(parser)
    parser.add_argument("--dry-run", action="store_true", help="write nothing; show how the cluster's and ours differ")
    parser.add_argument("--overwrite", action="store_true", help="replace also what somebody edited in the cluster")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show or apply; return the exit status that the help explains."""
    return run_reported(lambda: _reported(arguments))


def _reported(arguments: argparse.Namespace) -> int:
    datasets = list(dict.fromkeys(arguments.dataset or LOGS))
    try:
        if arguments.action == "show":
            return _show(arguments, datasets)
        with Transport(cluster_from(arguments), opaque_id=opaque_id("templates")) as transport:
            return _Apply(arguments, transport).run(datasets)
    except CollectorError as exc:
        say(str(exc))
        return FAILED


def _show(arguments: argparse.Namespace, datasets: List[str]) -> int:
    engine = "elasticsearch" if arguments.engine == "elasticsearch" else "opensearch"
    choice = parse_choice(arguments.index_objects)
    objects = Decision(DEFAULT_OBJECTS if choice is None else choice, choice)
    wanted = _templates(datasets, engine, arguments.lifecycle, objects)
    if any(map(has_free_form_objects, datasets)) and objects.indexed:
        say("these are for OpenSearch from 2.19 or Elasticsearch from 8. For an older one: --index-objects none")
    if arguments.lifecycle != NO_LIFECYCLE:  # policies come first: templates may name them
        wanted = [policy(each, engine, arguments.lifecycle, arguments.delete_after) for each in datasets] + wanted
    for piece in wanted:
        put(f"PUT {'/'.join(piece.path)}", *json.dumps(piece.body, indent=2, ensure_ascii=False).split("\n"), "")
    return DONE


def _templates(datasets: Iterable[str], engine: str, lifecycle: str, objects: Decision) -> List[Piece]:
    """Return the templates of all datasets, what they share once."""
    found = (piece for each in datasets for piece in pieces(each, engine, lifecycle, objects))
    return list({piece.path: piece for piece in found}.values())


class _Apply:
    """One run of ``apply``."""

    def __init__(self, arguments: argparse.Namespace, transport: Transport) -> None:
        self._arguments = arguments
        self._transport = transport
        self._differs = False
        self._incomplete = False

    def run(self, datasets: List[str]) -> int:
        """Compare and write everything; return the exit status."""
        dialect = detect(self._transport)
        engine = "elasticsearch" if dialect.name == "elasticsearch" else "opensearch"
        put(f"{dialect} at {self._transport.config.hosts[0]}")
        objects = self._decide_objects(dialect) if any(map(has_free_form_objects, datasets)) else UNDECIDED
        lifecycle = self._arguments.lifecycle
        if lifecycle != NO_LIFECYCLE:
            wanted = [policy(each, engine, lifecycle, self._arguments.delete_after) for each in datasets]
            if isinstance(dialect, Serverless) or not self._settle_policies(wanted):
                say(
                    f"{dialect} has no lifecycle policies of this kind (OpenSearch: the plugin index-management; "
                    "Elasticsearch: the default distribution; Serverless: lifecycle policies of AWS). The templates "
                    "are applied without, so nothing is deleted"
                )
                self._incomplete, lifecycle = True, NO_LIFECYCLE
        for piece in _templates(datasets, engine, lifecycle, objects):
            self._settle(compare(self._transport, piece))
        if lifecycle == SELF_MANAGED and engine == "opensearch":
            self._look_for_tiers()
        return FAILED if self._incomplete or (self._arguments.dry_run and self._differs) else DONE

    def _decide_objects(self, dialect: Dialect) -> Decision:
        choice = parse_choice(self._arguments.index_objects)
        objects = objects_for(self._transport, dialect, choice)
        put(*explained(dialect, objects).split("\n"))
        # What was asked for, and is not to be had.
        self._incomplete |= bool(choice) and not objects.indexed
        return objects

    def _settle(self, compared: Compared) -> None:
        piece, state = compared.piece, compared.state
        if piece.keep and state == EDITED:
            option = "--index-objects" if piece.name == COMPONENT else "--lifecycle"
            self._say(piece, f"left as it is ({option} decides)")
        elif self._is_to_write(compared):
            write(self._transport, piece)

    def _settle_policies(self, wanted: List[Piece]) -> bool:
        """Return whether the cluster knows such policies at all."""
        for piece in wanted:
            found = compare_policy(self._transport, piece)
            if found.state == UNSUPPORTED:
                return False
            if self._is_to_write(Compared(piece, found.state, found.found)):
                write(self._transport, piece, found.version)
        return True

    def _is_to_write(self, compared: Compared) -> bool:
        arguments, state = self._arguments, compared.state
        overwrite = state == EDITED and arguments.overwrite
        self._say(compared.piece, (_OVERWRITE if overwrite else _WORDS[state])[arguments.dry_run])
        self._differs |= state != SAME
        if arguments.dry_run and state != SAME:
            put(*difference(compared).split("\n"))
        return (overwrite or state in (MISSING, OUTDATED)) and not arguments.dry_run

    @staticmethod
    def _say(piece: Piece, what: str) -> None:
        put(f"{piece.kind:<18}  {piece.name:<26}  {what}")

    def _look_for_tiers(self) -> None:
        try:
            found = self._transport.request("GET", ("_cat", "nodeattrs"), {"format": "json", "h": "attr,value"}).json(
                [{"attr": str, "value": str}]
            )
        except PermissionDenied:
            return  # the policy works as well without anybody knowing
        tiers = {each["value"] for each in found if each["attr"] == "temp"}
        for tier in ("warm", "cold"):
            if tier not in tiers:
                say(
                    f"no node has node.attr.temp: {tier}, so indices stay on the nodes they are on when they are {tier}"
                )
