"""The base of the package's errors, and those that several rooms raise."""


class RTMWError(Exception):
    """The base of every error that a user can cause: a wrong file, name, value
    or flag, or a package that is missing.

    Each has a built-in error as its second base (ValueError, OSError or
    ImportError). Its text names the input and the fix.
    """


class VideoError(RTMWError, ValueError):
    """A video or webcam cannot be read or written; the text names it."""


class UsageError(RTMWError, ValueError):
    """An argument or a flag cannot be used; the text names it and what can."""


class ConfigError(RTMWError, ValueError):
    """Values of a config do not go together; the text names them."""


class WriteError(RTMWError, OSError):
    """A file cannot be written; the text names it."""
