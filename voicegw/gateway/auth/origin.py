"""Which web pages may connect, and which may read the server's own. A browser states a page's origin; other
programs state none, and none is asked of them: they cannot be tricked into lending their access to a
stranger's page.
"""

from urllib.parse import urlsplit

from voicegw.errors import OriginRefused
from voicegw.gateway.auth.client_address import is_loopback

ANY = "*"


def check_origin(origin: str | None, host: str, allowed: tuple[str, ...], *, development: bool) -> None:
    """Raises OriginRefused unless a page from `origin` may connect to this server, addressed as `host`.

    Allowed are the listed origins and the server's own. In development mode, where no token stands in the
    way, only pages of this machine are its own: a stranger's page could have its name point to 127.0.0.1.
    """
    if origin is None or ANY in allowed or origin.lower() in map(str.lower, allowed):
        return
    try:
        page = urlsplit(origin)
        own = is_loopback(page.hostname or "") if development else page.netloc.lower() == host.lower()
    except ValueError:  # a bracket that is not closed
        own = False
    if not (own and page.netloc):  # `null` has none, and is as good as no host
        raise OriginRefused("pages from this origin may not connect; see --origins")


def check_host(host: str) -> None:
    """Raises OriginRefused unless `host` names this machine, or nothing does.

    To a browser a page's own server is whatever its name points to. It states no origin then, but that name.
    """
    try:
        own = not host or is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        own = False
    if not own:
        raise OriginRefused("in development mode this server answers to the names of this machine only")
