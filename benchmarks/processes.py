"""CPU time and memory of a process with its descendants, and of the machine, from Linux's /proc."""

import os
from pathlib import Path

_PROC = Path("/proc")
# fields after the command's name:
_PARENT, _USER, _SYSTEM, _WAITED_USER, _WAITED_SYSTEM, _RESIDENT = 1, 11, 12, 13, 14, 21


def cpu_seconds(root: int, *, descendants: bool = True) -> float:
    """User and system time of the process, with or without its descendants, running and
    ended ones."""
    counted = (_USER, _SYSTEM, _WAITED_USER, _WAITED_SYSTEM) if descendants else (_USER, _SYSTEM)
    family = _tree(root).values() if descendants else [_stat(_PROC / str(root))]
    ticks = sum(int(fields[index]) for fields in family if fields for index in counted)
    return ticks / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """The CPU time of all processes of the machine, with the time that a hypervisor took."""
    fields = (_PROC / "stat").read_text().partition("\n")[0].split()[1:9]
    user, nice, system, _idle, _waiting, *others = map(int, fields)
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def resident_bytes(root: int) -> int:
    """The resident memory of the process and of all its running descendants; shared pages count in each."""
    return sum(int(fields[_RESIDENT]) for fields in _tree(root).values()) * os.sysconf("SC_PAGE_SIZE")


def children(root: int) -> set[int]:
    """The process ids of all running descendants."""
    return _tree(root).keys() - {root}


def _tree(root: int) -> dict[int, list[str]]:
    """The stat fields of the process and of all its running descendants, by process id."""
    everyone = {int(entry.name): _stat(entry) for entry in _PROC.iterdir() if entry.name.isdigit()}
    family = {root}
    while (
        grown := {pid for pid, fields in everyone.items() if fields and int(fields[_PARENT]) in family}
        - family
    ):
        family |= grown
    return {pid: everyone[pid] for pid in family if everyone.get(pid)}


def _stat(entry: Path) -> list[str]:
    """The fields after the command's name, which is in brackets and may contain anything; none if the process
    has ended."""
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
