"""JupyterHub's configuration file. The environment says which installation (see `settings.py`)."""

import os
import signal

from hub_config import hub, settings
from hub_config.installation import Installation

os.umask(0o077)
signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # a closed terminal stops it cleanly
hub.configure(get_config(), Installation.open(settings.load()))  # type: ignore[name-defined]  # noqa: F821 - given by traitlets
