"""A visitor of the page: one browser and one set of servers serve all tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.page.browser import INSECURE_NAME, PATIENCE_MS, Visit, chromium
from tests.page.stage import Servers, servers


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture(scope="package")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("microphone") / "microphone.wav"


@pytest.fixture(scope="package")
def browser(microphone: Path) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with chromium(microphone) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, microphone: Path, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A new visitor, who allows the microphone unless the test's parameter names other permissions."""
    context = browser.new_context(permissions=getattr(request, "param", ["microphone"]))
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), microphone)
    visit.watch()
    yield visit
    context.close()
    assert visit.errors == []
    assert visit.hosts <= {"127.0.0.1", INSECURE_NAME}
