"""The ``rtmw`` command line, one file a command; no torch but in ``export``."""
