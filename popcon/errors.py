"""In: what went wrong, at home. Out: exceptions that know their one line and their exit status.

Only the command line and the exporter let these out. In a user's process `popcon.guard` swallows
them, so no room on that side may rely on anybody seeing one.
"""


class PopconError(Exception):
    """Something a person can act on: one line, the offending value in quotes."""

    status = 1


class UsageError(PopconError):
    """The command line, or a setting, can't be understood."""

    status = 2


class FileError(PopconError):
    """A file can't be read or written, or what it says is wrong."""

    status = 3


class NetworkError(PopconError):
    """A name can't be resolved, an address can't be bound or reached."""

    status = 4


class MissingExtraError(PopconError):
    """A command needs a package that this installation of popcon came without."""

    status = 5


#: Exit status → what it means. The command line's help and the README print this table.
EXIT_STATUSES = {
    0: "done",
    1: "looked, and found something wrong (doctor, status, render --check), or nothing to answer from",
    2: "the command line or a setting can't be understood",
    3: "a file can't be read or written, or what it says is wrong",
    4: "a name can't be resolved, an address can't be bound or reached",
    5: "a package is missing that this command needs",
}
