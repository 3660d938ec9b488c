"""Pages, links, failures and skips as a SQLite database."""
