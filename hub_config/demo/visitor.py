"""Somebody without a login."""

import httpx

SECONDS_FOR_A_PAGE = 10.0


def anybody(base_url: str) -> httpx.Client:
    """A client without cookies, that asks no proxy."""
    return httpx.Client(base_url=base_url, timeout=SECONDS_FOR_A_PAGE, follow_redirects=True, trust_env=False)


def answers(http: httpx.Client, path: str) -> bool:
    """Whether there is a page."""
    try:
        return http.get(path).is_success
    except httpx.TransportError:
        return False
