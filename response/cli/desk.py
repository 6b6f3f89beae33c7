"""Which incident a sub-command is about, by its id, and who asks: the table is in the responder's account."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from aws_bridge.accounts.area import Area
from response.aws.incidents import Incidents, Opened
from response.cli.place import add_role_arguments, caller_of


class Desk(NamedTuple):
    """The table of incidents, and as whom it is used."""

    here: Area
    table: str
    #: ARN of whoever asks, as AWS sees it.
    by: str

    @property
    def incidents(self) -> Incidents:
        """The incidents of the table."""
        return Incidents(self.here, self.table)

    def incident(self, id: str) -> Opened:
        """Return an incident by its id. Raises `response.errors.NoIncident`."""
        return self.incidents.named(id)


def add_desk_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the incident, and the options that say where the table is."""
    parser.add_argument("incident", metavar="INCIDENT", help="the incident's id, such as i-0b5e0f1c2d3a4b5c6-1")
    parser.add_argument("--table", required=True, metavar="NAME", help="the table of incidents")
    parser.add_argument("--region", required=True, metavar="NAME", help="the region of table and workflow")
    add_role_arguments(parser)


def desk_of(arguments: argparse.Namespace) -> Desk:
    """Return what the options say. Raises `UsageError`, `aws_bridge.errors.AwsError`."""
    caller = caller_of(arguments)
    identity = caller.call("sts", arguments.region, "GetCallerIdentity")
    here = Area(caller, identity["Account"], arguments.region)
    return Desk(here, arguments.table, str(identity["Arn"]))
