"""How a command fails in one line: what was asked cannot be, or something it needs is away."""


class AskedWrongly(Exception):  # noqa: N818  an answer to whoever typed it
    """Exit code 2: the message says what was found, what is wanted, and the remedy."""


class Away(Exception):  # noqa: N818  nothing is wrong with the question
    """Exit code 4: a dependency does not answer; the message says which and the remedy."""
