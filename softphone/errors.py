"""What can go wrong for a user of the toolkit, each with the exit status it leads to.

* SoftphoneError              (1, our own fault)
    * UsageError              (2, wrong usage, configuration or input file)
        * EnvironmentProblem  (2, something is not installed, or a port is taken)
    * UnreachableError        (3, peer not reachable)
    * RefusedError            (4, a registrar does not want us)

What becomes of a call that was placed is told in its RESULT, not raised.
"""


class SoftphoneError(Exception):
    """Base class; the message is one line: what was wanted, what was got, what to do."""

    exit_status = 1


class UsageError(SoftphoneError, ValueError):
    """The caller asked for something that cannot be."""

    exit_status = 2


class EnvironmentProblem(UsageError):
    """The system lacks something: a library, a free port, a writable folder."""


class UnreachableError(SoftphoneError):
    """The peer cannot be reached or does not answer."""

    exit_status = 3


class RefusedError(SoftphoneError):
    """A registrar refused to register us."""

    exit_status = 4
