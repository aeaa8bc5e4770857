"""The safe setting: JupyterHub and its sessions, the gate out of a session, and the `saferoom` command."""
