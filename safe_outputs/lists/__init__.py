"""Lists of requests: ordered, counted and paged by the database."""
