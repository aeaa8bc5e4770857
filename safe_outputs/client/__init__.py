"""The notebook client: ask for statistics, see their verdict at once, send release requests.

    import safe_outputs as so

    room = so.connect()
    visits = room.visits
    table = so.crosstab(visits.site, visits.plan_group, values=visits.spending, aggfunc="mean")
    count = so.private.count(visits, by=visits.site, rho=0.05)  # a question: count.preview() is free
    count = count.ask()
    so.request("Spending by site", [table, count], purpose="…", audience="publication")

Files that no statistic can replace go with what a checker needs to judge them:

    said = {"shows": "…", "made": "…", "why_safe": "…"}
    figure = so.file("fig1.png", what="figure", **said, data="rand_hie", units=5912, smallest=40)
    so.request("Figure 1", [table, figure], purpose="…", evidence=["counts.csv"])

It sends what it is asked for through the session's socket; numbers are computed by the checker, never here.
"""

from safe_outputs.client import private
from safe_outputs.client.asking import crosstab
from safe_outputs.client.files import file
from safe_outputs.client.gate import Refused
from safe_outputs.client.releases import group, request
from safe_outputs.client.room import connect

__all__ = ["Refused", "connect", "crosstab", "file", "group", "private", "request"]
