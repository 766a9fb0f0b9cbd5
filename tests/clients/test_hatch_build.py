"""Which modules go into a distribution, and how they are renamed."""

from pathlib import Path

import pytest

from clients.hatch_build import renamed_modules

RENAME = {"clients": "ours", "voicegw": "ours._shared"}


def write(root: Path, **modules: str) -> None:
    for name, text in modules.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for package in path.parents:
            if package != root and root in package.parents and not (package / "__init__.py").exists():
                (package / "__init__.py").write_text("import heavy")


def test_what_is_imported_goes_along_under_its_new_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        clients__a="from clients import b\nfrom voicegw.core.c import C\n",
        clients__b="def f():\n    from voicegw.core import d\n",
        clients__e="from clients import a\n",
        voicegw__core__c="C = 1\n",
        voicegw__core__d="import os\n",
        voicegw__core__f="F = 1\n",
    )
    found = renamed_modules(tmp_path, ["clients.a"], RENAME)
    assert found == {
        "ours/__init__.py": "",
        "ours/py.typed": "",
        "ours/a.py": "from ours import b\nfrom ours._shared.core.c import C\n",
        "ours/b.py": "def f():\n    from ours._shared.core import d\n",
        "ours/_shared/__init__.py": "",
        "ours/_shared/core/__init__.py": "",
        "ours/_shared/core/c.py": "C = 1\n",
        "ours/_shared/core/d.py": "import os\n",
    }


def test_a_package_that_is_imported_itself_keeps_its_text(tmp_path: Path) -> None:
    write(tmp_path, clients__a="from voicegw.core import NAME\n", voicegw__core__c="")
    (tmp_path / "voicegw/core/__init__.py").write_text("NAME = 1\n")
    found = renamed_modules(tmp_path, ["clients.a"], RENAME)
    assert found["ours/_shared/core/__init__.py"] == "NAME = 1\n"


def test_only_names_of_modules_are_renamed(tmp_path: Path) -> None:
    text = '''"""`python -m clients.a`, for clients. See /clients.a and my.clients.a."""
from voicegw.core.c import C
PROTOCOL = "voicegw.v1"
'''
    write(tmp_path, clients__a=text, voicegw__core__c="")
    assert renamed_modules(tmp_path, ["clients.a"], RENAME)["ours/a.py"] == (
        '''"""`python -m ours.a`, for clients. See /clients.a and my.clients.a."""
from ours._shared.core.c import C
PROTOCOL = "voicegw.v1"
'''
    )


def test_a_module_that_keeps_its_name_is_written_if_its_text_changes(tmp_path: Path) -> None:
    write(tmp_path, voicegw__a="from clients import b\nfrom voicegw import c\n", voicegw__c="", clients__b="")
    found = renamed_modules(tmp_path, ["voicegw.a"], {"clients": "voicegw.client"})
    assert found["voicegw/a.py"] == "from voicegw.client import b\nfrom voicegw import c\n"
    assert found.keys() == {
        "voicegw/a.py",
        *(f"voicegw/client/{name}" for name in ("__init__.py", "b.py", "py.typed")),
    }


@pytest.mark.parametrize("text", ["import voicegw.core", "from . import b", "from voicegw.missing import x"])
def test_what_cannot_be_renamed_is_an_error(text: str, tmp_path: Path) -> None:
    write(tmp_path, clients__a=text, clients__b="", voicegw__core__c="")
    with pytest.raises(ValueError, match=r"cannot be renamed|no module"):
        renamed_modules(tmp_path, ["clients.a"], RENAME)
