"""The clients that reach endpoints and tools, and the proxies that environment variables name for them."""

import os
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from voicegw.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


def openai_client(url: str, api_key: str | None, connect_s: float, **http: Any) -> "AsyncOpenAI":
    """The library's client for the endpoint at `url`; retries and all other limits are ours. `http` is for
    its HTTP client. Raises ConfigurationError for a proxy or a key that cannot be used."""
    import openai

    _check_proxies()
    key = (api_key or "none").strip()  # the library insists on one; requests leave it out
    if not re.fullmatch("[!-~]+", key):
        host = urlsplit(url).hostname
        raise ConfigurationError(f"the API key for {host} has characters that no HTTP header may have")
    return openai.AsyncOpenAI(
        base_url=url,
        api_key=key,
        timeout=openai.Timeout(None, connect=connect_s),
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(**http),
    )


def http_client(connect_s: float) -> "httpx2.AsyncClient":
    """A client that limits the time of connecting only. Raises ConfigurationError for a proxy that cannot be
    used."""
    import httpx2

    _check_proxies()
    return httpx2.AsyncClient(timeout=httpx2.Timeout(None, connect=connect_s))


def proxy_variable(url: str) -> str | None:
    """The environment variable that names the proxy for requests to `url`, if there is one."""
    parts, variables = urlsplit(url), _variables()
    if proxy_bypass(parts.hostname or ""):
        return None
    return variables.get(f"{parts.scheme}_proxy") or variables.get("all_proxy")


def by_proxy(url: str) -> str:
    """What an error message adds when requests to `url` go to a proxy: people forget that they have one."""
    variable = proxy_variable(url)
    return f", by way of the proxy that {variable} names" if variable else ""


def _variables() -> dict[str, str]:
    """The proxy variables that are set, by their names in lower case: of two spellings, that one counts."""
    spellings = ((name, spelt) for name in _VARIABLES for spelt in (name.upper(), name))
    return {name: spelt for name, spelt in spellings if os.environ.get(spelt)}


def _check_proxies() -> None:
    """The HTTP library reads every proxy variable, whatever the URL, and its errors name none of them. Their
    values are not shown, since they may hold a password."""
    import httpx2

    for variable in _variables().values():
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
