"""The report as it is served: the same page, with a small script that keeps it up to date. Pure."""

from __future__ import annotations

import json

from loadkit.errors import LoadkitError
from loadkit.report.pages import asset

_POLICY = "content=\"default-src 'none';"
_ALLOWED = f"{_POLICY} connect-src 'self';"
_END = "</body>"


def live_page(report: str, *, etag: str, run_id: str, final: bool) -> str:
    """The report with the live script before the end of its body.

    Two things differ from the report: the script with its style, and that the page may ask the
    server it came from (``connect-src 'self'``) and nobody else.

    Args:
        report: what ``report.html.render`` made.
        etag: by which the server knows this state of it.
        run_id: of the run; another run at the same address is another page.
        final: nothing will follow.

    Raises:
        LoadkitError: the report is not of the shape that the script expects.
    """
    if report.count(_POLICY) != 1 or _END not in report:
        raise LoadkitError("the report has no place for the live script")
    start = json.dumps({"etag": etag, "run": run_id, "final": final})
    addition = (
        f"<style>\n{asset('live.css', __package__)}</style>\n"
        f'<script type="application/json" id="live">{start}</script>\n'
        f"<script>\n{asset('live.js', __package__)}</script>\n"
    )
    head, _, tail = report.replace(_POLICY, _ALLOWED).rpartition(_END)
    return f"{head}{addition}{_END}{tail}"
