"""All groups of endpoints. A new one has its line at the end."""

from safe_outputs.web.api import me, notifications, numbers, preferences, release_requests, review

BLUEPRINTS = (
    me.blueprint,
    release_requests.blueprint,
    review.blueprint,
    numbers.blueprint,
    notifications.blueprint,
    preferences.blueprint,
)
