"""The HTTP clients for endpoints and tools, and the environment variables that change their requests."""

import os
import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from voicegw.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
KEEP_ALIVE_S = 50.0  # longer than the pause between two turns; most load balancers close after 60 s
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")
_ACCOUNT_HEADERS = ("OpenAI-Organization", "OpenAI-Project")  # from OPENAI_ORG_ID and OPENAI_PROJECT_ID
_CUSTOM_HEADERS = "OPENAI_CUSTOM_HEADERS"  # `name: value`, one a line
_NEEDED_HEADERS = {"accept", "content-type"}


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint. headers: for every request by `client`, in addition to those that its
    library sends. proxy_note: what error messages add when requests go through a proxy."""

    url: str
    headers: dict[str, Any]
    proxy_note: str
    client: "AsyncOpenAI"


def openai_endpoint(kind: str, url: str | None, api_key: str | None, connect_s: float) -> Endpoint:
    """The endpoint at `url`, OpenAI's by default. Its client limits the time of the connection only, and
    retries nothing: other limits and retries belong to its user. kind: the name of the endpoint in error
    messages.

    Raises ConfigurationError for a URL, a proxy or a key that cannot be used.
    """
    import openai

    url = url or OPENAI_URL
    if not re.match(r"https?://\w", url):
        raise ConfigurationError(
            f"the {kind} endpoint {without_secrets(url)} is not an http:// or https:// URL"
        )
    _check_proxies()
    key = (api_key or "none").strip()  # the library refuses to work without a key
    if not re.fullmatch("[!-~]+", key):
        host = urlsplit(url).hostname
        raise ConfigurationError(f"the API key for {host} has characters that no HTTP header may have")
    # The default limits close a connection after 5 s without a request: nearly every turn would begin with a
    # TLS handshake.
    default = openai.DEFAULT_CONNECTION_LIMITS
    limits = type(default)(
        max_connections=default.max_connections,
        max_keepalive_connections=default.max_keepalive_connections,
        keepalive_expiry=KEEP_ALIVE_S,
    )
    client = openai.AsyncOpenAI(
        base_url=url,
        api_key=key,
        timeout=openai.Timeout(None, connect=connect_s),
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(limits=limits),
    )
    headers = {**_omitted_headers(url), "Authorization": f"Bearer {key}" if api_key else openai.omit}
    return Endpoint(url, headers, proxy_note(url), client)


def without_secrets(url: str) -> str:
    """The URL without the parts that may hold a secret: user and password, query, fragment. Also what is no
    URL that can be used, for the message that says so."""
    return re.sub(r"^(\w+://)?[^/]*@", r"\1", re.split("[?#]", url, maxsplit=1)[0])


def is_openai(url: str) -> bool:
    """Whether `url` is an endpoint of OpenAI itself, in any region."""
    host = urlsplit(url).hostname or ""
    return host == "openai.com" or host.endswith(".openai.com")


def _omitted_headers(url: str) -> dict[str, Any]:
    """The headers that the library takes from the environment, each marked as omitted: what identifies an
    account at OpenAI is not sent to the endpoints of others."""
    import openai

    if is_openai(url):
        return {}
    lines = os.environ.get(_CUSTOM_HEADERS, "").splitlines()
    custom = (line.partition(":")[0].strip() for line in lines)
    names = (*_ACCOUNT_HEADERS, *custom)
    return {name: openai.omit for name in names if name and name.lower() not in _NEEDED_HEADERS}


def http_client(connect_s: float) -> "httpx2.AsyncClient":
    """A client that limits the time of the connection only. Raises ConfigurationError for a proxy that cannot
    be used."""
    import httpx2

    _check_proxies()
    return httpx2.AsyncClient(timeout=httpx2.Timeout(None, connect=connect_s))


def proxy_variable(url: str) -> str | None:
    """The environment variable that names the proxy for requests to `url`, if there is one."""
    parts, variables = urlsplit(url), _proxy_variables()
    if proxy_bypass(parts.hostname or ""):
        return None
    return variables.get(f"{parts.scheme}_proxy") or variables.get("all_proxy")


def proxy_note(url: str) -> str:
    """What an error message adds when requests to `url` go through a proxy, which is easily forgotten."""
    variable = proxy_variable(url)
    return f", through the proxy in the environment variable {variable}" if variable else ""


def _proxy_variables() -> dict[str, str]:
    """The proxy variables that are set: lower-case name to actual name. Lower case wins over upper case."""
    spellings = ((name, actual) for name in _PROXY_VARIABLES for actual in (name.upper(), name))
    return {name: actual for name, actual in spellings if os.environ.get(actual)}


def _check_proxies() -> None:
    """The HTTP library reads every proxy variable, whatever the URL, and its errors name none of them. Their
    values are not shown, because they may hold a password."""
    import httpx2

    for variable in _proxy_variables().values():
        address = os.environ[variable]
        try:
            proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
        except (ValueError, httpx2.InvalidURL):
            raise ConfigurationError(
                f"the environment variable {variable} does not name a proxy that can be used: "
                "it has to be an http://, https:// or socks5:// URL"
            ) from None
        if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
            raise ConfigurationError(
                f"the environment variable {variable} names a SOCKS proxy: "
                "install the package socksio for that (pip install socksio), or unset the variable"
            )


def http_error() -> type[Exception]:
    """The error of the HTTP library below `openai` when the connection is lost within a body, which `openai`
    does not translate. Which library that is depends on the version."""
    import openai

    library = sys.modules[openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0]]
    error: type[Exception] = library.HTTPError
    return error
