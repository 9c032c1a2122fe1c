"""The one stage of which there are a thousand."""


def copied(path: str) -> str:
    """Return the text of a file."""
    with open(path) as file:
        return file.read()
