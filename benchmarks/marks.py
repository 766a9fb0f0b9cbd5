"""Parts of documents that programs write, each between `<!-- NAME -->` and `<!-- /NAME -->`."""

import re


def part_of(document: str, name: str) -> str:
    """The lines of a part, without the last line break. Raises ValueError when there is not one of it."""
    parts = re.findall(_place(name), document, re.DOTALL)
    if len(parts) != 1:
        raise ValueError(f"the document has {len(parts)} parts {name}")
    return str(parts[0])


def with_part(document: str, name: str, lines: str) -> str:
    """The document with other lines in a part. Raises ValueError when there is not one of it."""
    part_of(document, name)
    written = f"<!-- {name} -->\n{lines}\n<!-- /{name} -->"
    return re.sub(_place(name), lambda _: written, document, flags=re.DOTALL)


def _place(name: str) -> str:
    return rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->"
