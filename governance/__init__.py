"""Who may do what, for which purpose: people, projects, agreements, and the audit chain."""
