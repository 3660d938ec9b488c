"""Disturbs crawls in every way that a machine and a network can, and compares their ends.

``plan`` draws what will happen from a seed, ``web`` serves hosts of which some misbehave,
``session`` runs one session of a crawl and disturbs it, ``trial`` chains sessions and compares the
result with a crawl that was left alone.
"""
