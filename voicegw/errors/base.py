"""The base class of all errors."""

from typing import ClassVar

RETRY_AFTER_MS = 1000


class VoicegwError(Exception):
    """Base of all errors that the project raises itself.

    detail: description by an endpoint, redacted, not for clients.
    """

    code: ClassVar[str] = "error"
    close_code: ClassVar[int | None] = None
    http_status: ClassVar[int | None] = None
    retryable: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        code: str | None = None,
        close_code: int | None = None,
        http_status: int | None = None,
        retryable: bool | None = None,
    ) -> None:
        """Sets the attributes of the class; omitted ones are inherited."""
        stated = {"code": code, "close_code": close_code, "http_status": http_status, "retryable": retryable}
        for name in (name for name, value in stated.items() if value is not None):
            setattr(cls, name, stated[name])

    def __init__(self, message: str = "", *, retry_after_ms: int | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms
        self.detail = detail

    @property
    def message(self) -> str:
        """A description for the operator of the client."""
        return str(self) or (type(self).__doc__ or "").partition("\n")[0]
