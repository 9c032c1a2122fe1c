"""Notes that a stage ran; what is noted is counted."""


def note(letter: str) -> None:
    """Add a letter to the file runs.log."""
    with open("runs.log", "a") as file:
        file.write(letter)
