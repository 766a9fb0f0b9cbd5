"""Every error class, and the table of errors in clients/README.md that is made from them."""

from collections.abc import Iterator

from voicegw.errors import StartupError, UndecodableMessage, VoicegwError

INTERNAL = (StartupError, UndecodableMessage)  # no client meets them


def tree(root: type[VoicegwError] = VoicegwError) -> Iterator[type[VoicegwError]]:
    """Every error class below `root`, in the order they are declared, depth first."""
    for child in root.__subclasses__():
        yield child
        yield from tree(child)


def rows() -> list[str]:
    """The error table in Markdown: one row for each code a client can meet."""
    lines = ["| code | what it means | HTTP status | close code | retry |", "|---|---|---|---|---|"]
    for error in tree():
        if "code" in vars(error) and not issubclass(error, INTERNAL):
            meaning = (error.__doc__ or "").partition("\n")[0]
            status, close = error.http_status or "", error.close_code or ""
            retry = "yes" if error.retryable else "no"
            lines.append(f"| `{error.code}` | {meaning} | {status} | {close} | {retry} |")
    return lines
