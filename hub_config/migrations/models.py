"""Every model that keeps state in the register's database, so that the metadata is whole."""

import datasets.copies
import datasets.versions
import governance.agreements
import governance.audit
import governance.people
import governance.projects
import safe_outputs.models  # noqa: F401 - importing a module is what registers its models
from governance.database import Base

METADATA = Base.metadata
