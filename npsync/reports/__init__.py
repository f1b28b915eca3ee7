"""Reports: from the YAML and the store to figures that leadership can trust.

`npsync report`, the dashboard, digests and alerts show the same ones.
"""

from __future__ import annotations

from npsync.reports.making import make
from npsync.reports.report import Report
from npsync.reports.wish import Compare, Wish, nps_surveys, wish

__all__ = ["Compare", "Report", "Wish", "make", "nps_surveys", "wish"]
