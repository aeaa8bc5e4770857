"""What a release request holds: its groups, files with their statements, the checklist, and the hash of it all."""
