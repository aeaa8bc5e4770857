"""What gunicorn does around each worker of the outputs service (its settings file, see `hub_config.services`)."""

import gc
import os
import sys
from typing import Any

FEWEST_NEW = 20_000
"""So many more objects are made than freed before the collector looks; a page makes thousands, and keeps hardly any."""


def post_fork(_server: Any, _worker: Any) -> None:
    """What was loaded before the workers stays: the collector need not look at it again, and they share its memory."""
    gc.freeze()
    gc.set_threshold(FEWEST_NEW, 20, 20)


def worker_exit(_server: Any, _worker: Any) -> None:
    """End a worker that is done at once.

    Libraries that were loaded before it was forked would stop threads that only its parent has, and abort.
    """
    ended = sys.exc_info()[1]
    if isinstance(ended, SystemExit) and not ended.code:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
