"""What can go wrong when starting, said in one line: the cause, and the mend."""


class StartProblem(Exception):
    """A start that cannot go on, in words for the person at the terminal."""

    def __init__(self, *, cause: str, mend: str) -> None:
        super().__init__(f"cause: {cause} mend: {mend}")
        self.cause = cause
        self.mend = mend
