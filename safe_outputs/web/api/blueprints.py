"""All groups of endpoints. A new one has its line at the end."""

from safe_outputs.web.api import (
    assignment,
    evidence,
    files,
    incoming,
    lists,
    me,
    notifications,
    numbers,
    owner,
    packages,
    practice,
    preferences,
    release_requests,
    releases,
    review,
    together,
)

BLUEPRINTS = (
    me.blueprint,
    lists.blueprint,
    together.blueprint,
    release_requests.blueprint,
    review.blueprint,
    numbers.blueprint,
    releases.blueprint,
    incoming.blueprint,
    packages.blueprint,
    notifications.blueprint,
    assignment.blueprint,
    owner.blueprint,
    preferences.blueprint,
    files.blueprint,
    practice.blueprint,
    evidence.blueprint,
)
