"""The locked notebook server: what runs in it is ours; what it reads and passes on is hostile."""
