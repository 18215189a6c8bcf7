"""Names of models and detectors -> configs, checkpoints and network files."""

from .registry import *  # noqa: F401,F403  (until networks are in it too)
