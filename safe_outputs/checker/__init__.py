"""The trusted checker: the only process of the outputs service that reads project copies."""
