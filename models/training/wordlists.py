"""Lists of words and phrases, written as running text."""


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


def phrases(text: str) -> list[str]:
    """The phrases of a text, separated by commas."""
    return [phrase.strip() for phrase in text.split(",")]


def alternatives(text: str) -> list[str]:
    """The parts of a text between bars; they may hold commas."""
    return text.split("|")
