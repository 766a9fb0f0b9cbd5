"""The web page over HTTP: what is served, and what is not."""

import re

import pytest
from websockets.datastructures import Headers

from tests.gateway.auth.test_authenticator import SECRET
from tests.gateway.fakes import Gate, staged
from tests.gateway.test_server import get
from voicegw.gateway.auth.authenticator import TokenOptions
from voicegw.gateway.http.static_files import StaticFiles

pytestmark = pytest.mark.usefixtures("virtual_clock")


async def test_the_page_and_all_that_it_names_are_served() -> None:
    async with staged() as stage:
        index = await get(stage, "/")
        assert (index.status, index.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        named = re.findall(r'(?:href|src)="(page/[^"]+)"', index.body.decode())
        assert len(named) == 3
        for path in named:
            assert (await get(stage, f"/{path}")).status == 200
        client = await get(stage, "/client/voicegw.js")
        assert client.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert (await get(stage, "/client/voicegw.d.ts")).status == 404


async def test_it_is_served_below_the_prefix_and_to_those_without_a_token() -> None:
    gate = Gate(tokens=TokenOptions(secret=SECRET))
    async with staged(path_prefix="/voice", gate=gate) as stage:
        assert stage.gateway.page == f"{stage.root}/"
        assert stage.root.endswith("/voice")
        assert b"<title>" in (await get(stage, "/")).body


async def test_the_policy_allows_what_is_on_this_server_only() -> None:
    async with staged() as stage:
        headers = (await get(stage, "/")).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert set(policy.values()) == {"'none'", "'self'"}
    assert headers["X-Content-Type-Options"] == "nosniff"


OUTSIDE = ("/page/../config.py", "/page/%2e%2e/config.py", "/page//etc/passwd", "/page/")


@pytest.mark.parametrize("path", OUTSIDE)
async def test_no_path_leads_out_of_the_page(path: str) -> None:
    async with staged() as stage:
        assert (await get(stage, path)).status == 404


async def test_an_unchanged_file_is_not_sent_again() -> None:
    async with staged() as stage:
        first = await get(stage, "/page/page.css")
        tag = first.headers["ETag"]
        second = await get(stage, "/page/page.css", **{"If-None-Match": f'"other", W/{tag}'})
        changed = await get(stage, "/page/page.css", **{"If-None-Match": '"other"'})
    assert (second.status, second.body, second.headers["ETag"]) == (304, b"", tag)
    assert (changed.status, changed.body) == (200, first.body)


async def test_without_the_page_nothing_is_at_its_path() -> None:
    assert StaticFiles({}).answer("/", headers=Headers()) is None
    async with staged(web_page=False) as stage:
        assert stage.gateway.page == ""
        assert (await get(stage, "/")).status == 404
        assert (await get(stage, "/healthz")).status == 200
