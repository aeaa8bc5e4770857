"""Every model that keeps state in the register's database, so that the metadata is whole."""

# Importing a module is what registers its models.
import datasets.ingress.models  # noqa: F401
import governance.attempts
import governance.packages
import governance.preferences
import governance.presence  # noqa: F401
from governance.database import Base

METADATA = Base.metadata
