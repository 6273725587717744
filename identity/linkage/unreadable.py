"""What is told when files cannot be linked."""


class UnreadableFile(Exception):
    """A file cannot be linked as it is; the message says what to do."""
