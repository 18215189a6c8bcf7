"""The exit codes of the command ``rtmw``."""

import enum


class ExitCode(enum.IntEnum):
    """What ``rtmw`` returns to the shell."""

    DONE = 0
    FAILED = 1
    #: argparse returns it.
    USAGE = 2
    PARTLY = 3
    #: An error of rtmw itself, as ``os.EX_SOFTWARE``.
    BUG = 70
    #: As shells have it: 128 + the signal, here SIGINT, SIGTERM, SIGHUP and
    #: SIGPIPE.
    STOPPED = 130
    TERMINATED = 143
    HUNG_UP = 129
    PIPE_CLOSED = 141


HELP = """\
exit codes: 0 all done; 1 nothing could be done, the reason is one line; 2 the
command line is wrong; 3 done, but an input was skipped or ended early; 70 an
error of rtmw itself; 130, 143, 129 stopped by Ctrl-C, SIGTERM or
SIGHUP, what was done is kept; 141 the reader of the standard output is gone"""
