"""What this version does not yet do, said on every page and at every start."""

NOT_SANDBOXED = (
    "Kernels are not yet sandboxed in this version: whoever runs code here can read what this service can read. "
    "Use it with data that may be shown to everybody who signs in."
)
