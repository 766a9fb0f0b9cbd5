"""The build hook of both distributions: writes Python modules of this repository into them under other names.

The client needs a few modules of `voicegw`, and `voicegw demo` needs some of `clients`. No file may be in two
distributions, so each has these modules as a part of its own package: in `voicegw-client`, `clients` is
`voicegw_client` and `voicegw` is `voicegw_client._shared`; in `voicegw`, `clients` is `voicegw.client`.

Configuration, in the pyproject.toml of a distribution:

modules: what it contains, with all that these import, directly or indirectly.
rename:  top-level package to its new name. A module is written if its name or its text changes.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGES = ("clients", "voicegw")
HERE = Path(__file__).resolve().parent


class RenamedModules(BuildHookInterface[Any]):
    """See above. In an unpacked source distribution of the client, the modules are there already."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the files to the distribution. version: `standard`, or `editable`, which takes no copies."""
        self._written = TemporaryDirectory()
        if version == "editable" or HERE.name != "clients":
            return
        found = renamed_modules(HERE.parent, self.config["modules"], self.config["rename"])
        for name, text in found.items():
            path = Path(self._written.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            build_data["force_include"][str(path)] = name
        # Links, as clients/LICENSE is one, would lead to nothing in a source distribution.
        build_data["force_include"] = {
            str(Path(source).resolve()): target for source, target in build_data["force_include"].items()
        }

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes the files that were written."""
        self._written.cleanup()


def renamed_modules(root: Path, modules: Sequence[str], rename: Mapping[str, str]) -> dict[str, str]:
    """The text of each file to write, by its path in the distribution."""
    needed = _closure(root, modules)
    names = needed | {parent for module in needed for parent in _parents(module)}
    written = {f"{rename['clients'].replace('.', '/')}/py.typed": ""}
    for module in sorted(names):
        source = _source(root, module)
        text = source.read_text(encoding="utf-8")
        head, _, rest = source.relative_to(root).as_posix().partition("/")
        if head in rename and module not in needed:  # a package that is imported for a module in it only
            text = ""
        new_text = _renamed(text, names, rename)
        if head in rename or new_text != text:
            written[f"{rename.get(head, head).replace('.', '/')}/{rest}"] = new_text
    return written


def _closure(root: Path, modules: Sequence[str]) -> set[str]:
    """The modules, and all of ours that they import, wherever in their text they do so."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imported(root, module)
    return found


def _imported(root: Path, module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(_source(root, module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{module}: relative imports cannot be renamed")
            package = node.module or ""
            if package.partition(".")[0] in PACKAGES:
                for alias in node.names:
                    member = f"{package}.{alias.name}"
                    yield member if _is_module(root, member) else package
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in PACKAGES:
                    raise ValueError(f"{module}: `import {alias.name}` cannot be renamed; use `from`")


def _candidates(root: Path, module: str) -> tuple[Path, Path]:
    path = root.joinpath(*module.split("."))
    return path.with_suffix(".py"), path / "__init__.py"


def _is_module(root: Path, module: str) -> bool:
    return any(path.is_file() for path in _candidates(root, module))


def _source(root: Path, module: str) -> Path:
    for path in _candidates(root, module):
        if path.is_file():
            return path
    raise ValueError(f"there is no module {module}")


def _parents(module: str) -> Iterator[str]:
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def _renamed(text: str, modules: Iterable[str], rename: Mapping[str, str]) -> str:
    """The text with new names for `modules`, also in strings and comments. Other names that begin alike, such
    as the subprotocol `voicegw.v1`, stay as they are."""
    for old, new in rename.items():
        inner = "|".join({module.split(".")[1] for module in modules if module.startswith(f"{old}.")})
        pattern = rf"(?<![\w./-]){old}(?=\.(?:{inner})\b)|(?<=\bfrom ){old}(?= import )"
        text = re.sub(pattern, new, text)
    return text
