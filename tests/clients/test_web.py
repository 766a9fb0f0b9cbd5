"""The client for browsers: its own tests, and whether its types are those of the protocol."""

import re
import subprocess
from pathlib import Path
from typing import Any

import playwright

from voicegw.dialects import native

WEB = Path(__file__).parent.parent.parent / "clients" / "web"
TYPES = (WEB / "src" / "voicegw.d.ts").read_text()
NODE = Path(playwright.__file__).parent / "driver" / "node"  # the package brings one, of a known version
LIMIT_S = 120


def test_its_own_tests_pass() -> None:
    tests = sorted(map(str, (WEB / "tests").glob("*.test.js")))
    command = [str(NODE), "--test", "--test-timeout=60000", *tests]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ran.returncode == 0, ran.stdout
    assert int(re.search(r"# pass (\d+)|pass (\d+)", ran.stdout)[0].split()[-1]) > 30  # type: ignore[index]


def typed() -> dict[str, set[str]]:
    """The fields of each message of the server, as the types declare them."""
    found = {}
    bodies = re.findall(r"interface \w+Message extends (\w+) \{\n(.*?)^\}", TYPES, re.DOTALL | re.MULTILINE)
    for base, body in bodies:
        name = re.search(r'type: "(\w+)"', body)
        assert name
        inherited = {"seq", "turn"} if base == "OfTurn" else {"seq"}
        found[name[1]] = inherited | set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))
    return found


def test_the_types_of_messages_are_those_of_the_schema() -> None:
    schema: dict[str, Any] = native.schema()
    kinds = schema["server"]["discriminator"]["mapping"]
    expected = {
        kind: set(schema["$defs"][reference.split("/")[-1]]["properties"])
        for kind, reference in kinds.items()
    }
    assert typed() == expected


def test_the_settings_are_those_of_configure() -> None:
    body = re.search(r"interface Settings \{\n(.*?)^\}", TYPES, re.DOTALL | re.MULTILINE)
    assert body
    settings = set(re.findall(r"^  (\w+)\?:", body[1], re.MULTILINE))
    assert settings == set(native.ConfigureMessage.__struct_fields__)


def exported() -> set[str]:
    """The names that the module exports."""
    lines = re.findall(r"export \{ (.*) \}", (WEB / "src" / "voicegw.js").read_text())
    return {name for line in lines for name in line.split(", ")}


def test_what_is_exported_has_types() -> None:
    assert len(exported()) > 8
    assert exported() <= set(re.findall(r"export (?:class|function) (\w+)", TYPES))


def test_the_example_uses_what_there_is() -> None:
    [example] = re.findall(r"```js\n(.*?)```", (WEB / "README.md").read_text(), re.DOTALL)
    imported = re.search(r"import \{ (.*) \} from", example)
    assert imported
    assert set(imported[1].split(", ")) <= exported()
    checking = [str(NODE), "--check", "--input-type=module", "-"]
    subprocess.run(checking, input=example, text=True, timeout=LIMIT_S, check=True)
