"""What came from outside as text, and perhaps is none."""


def is_utf8(text: str) -> bool:
    """Whether it can be written as UTF-8: Python reads any other byte of an argument as half a surrogate pair."""
    return text == text.encode(errors="ignore").decode()
