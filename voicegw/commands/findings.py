"""What a check of `voicegw check` has found."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class Status(StrEnum):
    """What a finding means. Only `wrong` keeps a server from working as it is configured."""

    OK = "ok"
    NOTE = "note"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Finding:
    """part: of the server. found: what is so, in one line. remedy: what to do about it; empty for nothing."""

    part: str
    status: Status
    found: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """For JSON; the status in small letters."""
        return asdict(self) | {"status": self.status.value.lower()}
