"""How a local broker or cache fails to start: in one line, with the remedy."""


class LocalError(Exception):
    """The local servers cannot run here: what was found, what was wanted, and what to do about it."""
