"""Serves the app's dashboards on loopback, over one cluster, until Ctrl-C."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from es_bridge.cli.reporting import DONE, FAILED, say, tell
from es_bridge.config import ClusterConfig
from es_bridge.terminal import put, put_error
from lab.engine.cache import cache_dir
from lab.splunkd import SplunkdStandIn, add_cluster
from lab.splunkd.jobs import World
from savedsearches.runner.values import Row

from .bundle import KEPT_MB, SIZE_MB, DashboardsUnavailable, find_bundle, is_fetched

#: The runner refuses to search an index where there is no event at all; over somebody's cluster there is none of ours.
_OTHER: Row = {"_time": 0, "_raw": "", "index": "other", "source": "other", "sourcetype": "other", "host": "other"}


def agreed(yes: bool) -> bool:
    """Say what is fetched and ask once whether it may be; True where it is there, or nobody can be asked."""
    if is_fetched():
        return True
    tell(
        f"Dashboards are drawn by Splunk's own packages (Apache License 2.0), which npm fetches: {SIZE_MB} MB unpacked "
        f"for about a minute, {KEPT_MB} MB of it are kept in {cache_dir()}."
    )
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    put_error("Fetch them? [Y/n]")
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def serve(cluster: ClusterConfig, world: World, python: str, port: int = 0) -> int:
    """Serve until Ctrl-C and return 0; say why not, and return 1. ``world``: what is in Splunk's own indices."""
    try:
        bundle: Path = find_bundle()
    except DashboardsUnavailable as exc:
        say(str(exc))
        return FAILED
    with SplunkdStandIn(web=True, web_port=port, python=python) as splunkd:
        splunkd.pages.dashboards = bundle
        splunkd.state.jobs.world = replace(world, events=[*world.events, _OTHER])
        add_cluster(splunkd.state, cluster)
        put(f"open  {splunkd.web_uri}/en-US/app/{splunkd.state.app}/home", flush=True)
        put("      ?theme=dark for the dark one; the other pages are waf, security, guardduty ...; Ctrl-C ends it")
        try:
            splunkd.wait()
        except KeyboardInterrupt:
            pass
    return DONE
