"""Which web pages may connect, and which may read the HTTP pages of the server. Browsers send the origin of a
page. Other programs send none, and need none: a foreign web page cannot make them connect.
"""

from urllib.parse import urlsplit

from voicegw.errors import OriginRefused
from voicegw.gateway.auth.client_address import is_loopback

ANY = "*"


def check_origin(origin: str | None, host: str, allowed: tuple[str, ...], *, development: bool) -> None:
    """Raises OriginRefused unless a page from `origin` may connect to this server, addressed as `host`.

    The listed origins and the origin of the server itself are allowed. In development mode, where no token is
    required, the latter are pages of this machine only: the name of a foreign page may resolve to 127.0.0.1.
    """
    if origin is None or ANY in allowed or origin.lower() in map(str.lower, allowed):
        return
    try:
        page = urlsplit(origin)
        own = is_loopback(page.hostname or "") if development else page.netloc.lower() == host.lower()
    except ValueError:  # an unclosed bracket
        own = False
    if not (own and page.netloc):  # the origin `null` has no host
        raise OriginRefused("pages from this origin may not connect; see --origins")


def check_host(host: str) -> None:
    """Raises OriginRefused unless `host` is empty or names this machine.

    It protects against DNS rebinding: a browser sends no origin for a request to the server of a page, even
    when the name of that server resolves to this machine; but it sends that name as the host.
    """
    try:
        own = not host or is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        own = False
    if not own:
        raise OriginRefused("in development mode this server accepts only host names of this machine")
