"""The version of the crawler; this module imports nothing."""

__version__ = "0.1.0"
