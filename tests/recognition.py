"""What every recogniser has that a test plays."""


class AlwaysReady:
    """A RecognitionService that needs no start and is never behind."""

    async def start(self) -> None:
        """There is nothing to start."""

    def unready(self) -> str:
        """It is ready."""
        return ""

    def overloaded(self) -> bool:
        """It is not."""
        return False

    async def close(self) -> None:
        """There is nothing to free."""
