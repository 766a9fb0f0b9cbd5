"""The example installation for Docker Compose follows the Compose Specification and is complete. Its settings
are tested in test_deploy.py; no test starts it, which would need a container engine."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from tests.documents import ROOT

PATH = ROOT / "scripts/deploy/compose.yaml"
TEXT = PATH.read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
KINDS = ("networks", "volumes")


def parsed(text: str) -> PyCompose:
    """Raises ValueError for what does not follow the specification. The parser knows no merge keys."""
    return PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(text)))


def test_it_follows_the_specification() -> None:
    assert set(parsed(TEXT).service_names()) == set(SERVICES)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("mem_limit: 1g", "mem_limit: 1 giga"),
        ("profiles:", "profile:"),
        ('"127.0.0.1:8765:8765"', '"host:8765"'),
    ],
)
def test_what_does_not_follow_it_is_refused(right: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^services\."):
        parsed(TEXT.replace(right, wrong, 1))


def used(kind: str) -> Iterator[str]:
    """The named networks or volumes of the services."""
    for service in SERVICES.values():
        for name in service.get(kind, ()):
            if not name.startswith((".", "/")):
                yield name.partition(":")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_services_name_is_declared_and_used(kind: str) -> None:
    assert set(used(kind)) - {"default"} == set(yaml.safe_load(TEXT)[kind])


def test_services_depend_on_services_of_the_same_profiles() -> None:
    for service in SERVICES.values():
        for needed in service.get("depends_on", ()):
            assert SERVICES[needed].get("profiles", []) == []


def test_every_file_that_it_names_is_there() -> None:
    for service in SERVICES.values():
        if (build := service.get("build")) is not None:
            context = PATH.parent / build["context"]
            assert (context / build["dockerfile"]).is_file()
        for volume in service.get("volumes", ()):
            source, _, target = volume.partition(":")
            if source.startswith("."):
                assert (PATH.parent / source).is_file(), source
                assert target.endswith(":ro")


def test_no_port_of_the_host_is_used_twice_and_all_are_of_this_machine_only() -> None:
    published = [
        port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", ())
    ]
    assert len(set(published)) == len(published)
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_variable_without_a_default_is_explained() -> None:
    documents = TEXT + (PATH.parent / "README.md").read_text()
    documents += (ROOT / "scripts/monitoring/README.md").read_text()
    for name, default in re.findall(r"(?<!\$)\$\{(\w+)(:[-?][^}]*)?\}", TEXT):
        assert default or f"export {name}=" in documents or f" {name}=" in documents, name
