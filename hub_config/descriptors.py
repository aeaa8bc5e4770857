"""Filters of system calls as bubblewrap takes them: by a descriptor that a child inherits."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hub_config.seccomp import Tenant, program


@contextmanager
def filter_of(tenant: Tenant) -> Iterator[int]:
    """The descriptor of a tenant's filter, at its beginning; closed at the end."""
    descriptor = os.memfd_create("filter", 0)
    try:
        os.write(descriptor, program(tenant))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
