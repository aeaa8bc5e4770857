"""Every model that keeps state in the register's database, so that the metadata is whole."""

import safe_outputs.models  # noqa: F401 - importing a module is what registers its models
from governance.database import Base

METADATA = Base.metadata
