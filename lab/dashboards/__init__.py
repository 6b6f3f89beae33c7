"""The app's dashboards, drawn by Splunk's own packages in a browser, without a Splunk."""

from .bundle import SIZE_MB, DashboardsUnavailable, find_bundle, is_fetched

__all__ = ["SIZE_MB", "DashboardsUnavailable", "find_bundle", "is_fetched"]
