"""The headers of every response: nothing is loaded, framed, sniffed or kept that the page does not need."""

from flask import Flask, Response

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""No script at all: every page works without one."""

INERT_POLICY = "sandbox; default-src 'none'"
"""For bytes of a file that a person made: as a page of its own it loads nothing, runs nothing and has no origin."""

HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

NOT_KEPT = "no-store"


def protect(app: Flask) -> None:
    """Put the headers on every response. What a view does not declare as keepable is kept by nobody."""
    app.after_request(_with_headers)


def _with_headers(response: Response) -> Response:
    inert = response.headers.get("Content-Security-Policy") == INERT_POLICY
    for name, value in HEADERS.items():
        response.headers[name] = value
    if inert:
        response.headers["Content-Security-Policy"] = INERT_POLICY
    response.headers.setdefault("Cache-Control", NOT_KEPT)
    return response
