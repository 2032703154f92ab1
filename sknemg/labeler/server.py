"""Where the page is served, and how: on the loopback interface, with TLS, or behind a proxy."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

_MAX_CONNECTIONS = 500
_HOST = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # machines of a hospital may have a _, which browsers send
_IPV6 = r"(?=(?:[^:]*:){2})[0-9A-Fa-f:.]+"
_NAME = re.compile(rf"{_HOST}|{_IPV6}")  # the port is that of the server
_PROXY = re.compile(rf"(?:{_HOST}|\[{_IPV6}\])(?::[0-9]{{1,5}})?")  # a proxy has its own


@dataclass(frozen=True)
class Address:
    """Where a server listens, and what browsers call it.

    Parameters
    ----------
    host : str, default="127.0.0.1"
        Address to listen on. Any but the loopback interface needs TLS or a proxy.
    port : int, default=8765
    name : str, default=None
        What stands in the links, such as ``"emg.example.org"``, if it is not `host`; that of a
        proxy may have a port.
    tls : tuple of path, default=None
        Files with the certificate chain and with its key.
    behind_proxy : bool, default=False
        Whether a proxy in front terminates TLS and hands on the header ``Host``.

    Raises
    ------
    ValueError
        If machines other than this one could listen in, or if the links would lead nowhere.

    Examples
    --------
    >>> from sknemg.labeler import Address
    >>> Address().url
    'http://127.0.0.1:8765'
    >>> Address(name="emg.example.org", behind_proxy=True).url
    'https://emg.example.org'
    >>> Address(host="192.0.2.7")
    Traceback (most recent call last):
        ...
    ValueError: host='192.0.2.7' can be reached from other machines: give `tls`, or set
    behind_proxy=True.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    name: str | None = None
    tls: tuple[Path, Path] | None = None
    behind_proxy: bool = False

    def __post_init__(self) -> None:
        if self.tls and self.behind_proxy:
            raise ValueError("Both `tls` and `behind_proxy` are given: a proxy has the TLS files.")
        if not _is_loopback(self.host) and not self.secure:
            raise ValueError(
                f"host={self.host!r} can be reached from other machines: give `tls`, or set "
                "behind_proxy=True."
            )
        if self.behind_proxy and not self.name:
            raise ValueError("A proxy has a name of its own: give `name`, as browsers know it.")
        pattern = _PROXY if self.behind_proxy else _NAME
        if self.name and not pattern.fullmatch(self.name):
            port = " or, with its port, 'emg.example.org:8443'" if self.behind_proxy else ""
            raise ValueError(
                f"name={self.name!r} is not what browsers send as Host: give a name such as "
                f"'emg.example.org'{port}, in ASCII and without 'https://'."
            )
        if not self.name and _is_any(self.host):
            raise ValueError(f"host={self.host!r} cannot stand in links: give `name`.")
        if not 0 < self.port < 65_536:
            raise ValueError(f"port={self.port} must be from 1 to 65535.")

    @property
    def secure(self) -> bool:
        """Whether browsers reach it over TLS."""
        return bool(self.tls) or self.behind_proxy

    @property
    def hosts(self) -> list[str]:
        """Values of the header ``Host`` that are answered; the first stands in links."""
        if self.behind_proxy:
            return [str(self.name)]
        names = [self.name or self.host]
        if _is_loopback(self.host) and not self.name:
            names += [name for name in ("127.0.0.1", "localhost") if name not in names]
        names = [f"[{name}]" if ":" in name else name for name in names]
        hosts = [f"{name}:{self.port}" for name in names]
        if self.port == (443 if self.secure else 80):  # which browsers leave out
            hosts = [*names, *hosts]
        return hosts

    @property
    def url(self) -> str:
        """Beginning of every link."""
        return f"{'https' if self.secure else 'http'}://{self.hosts[0]}"

    def link(self, token: str) -> str:
        """Return the link of a reader; its token stands where no server and no log sees it.

        Parameters
        ----------
        token : str

        Returns
        -------
        str
        """
        return f"{self.url}/#{token}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_any(host: str) -> bool:
    if not host:
        return True
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def make_server(app: ASGIApp, address: Address) -> uvicorn.Server:
    """Prepare a server: no log of who asked for what, few connections, none open for long.

    Parameters
    ----------
    app : ASGI application
    address : Address

    Returns
    -------
    uvicorn.Server
    """
    import uvicorn

    from sknemg.labeler.patience import PatientProtocol

    cert, key = address.tls or (None, None)
    config = uvicorn.Config(
        app,
        host=address.host,
        port=address.port,
        ssl_certfile=cert,
        ssl_keyfile=key,
        proxy_headers=address.behind_proxy,
        access_log=False,
        log_level="warning",
        server_header=False,
        lifespan="off",
        ws="none",
        http=PatientProtocol,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_keep_alive=10,
        h11_max_incomplete_event_size=16_384,
    )
    return uvicorn.Server(config)


def listen(address: Address) -> socket.socket:
    """Take an address for `serve`, and check the TLS files, before anyone is told of it.

    Parameters
    ----------
    address : Address

    Returns
    -------
    socket
        It listens: browsers that come before `serve` wait.

    Raises
    ------
    OSError
        If something else listens there, or if it is not an address of this machine.
    ValueError
        If the TLS files are not a certificate and its key in PEM format.

    Examples
    --------
    >>> from sknemg.labeler import Address, listen
    >>> listen(Address(host="example.invalid", name="a.example", behind_proxy=True))
    Traceback (most recent call last):
        ...
    OSError: host='example.invalid' is not an address of this machine (...): give another `host`.
    """
    if address.tls:
        _check_tls(*address.tls)
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except (OSError, UnicodeError) as error:
        raise OSError(_refused(address, error)) from error


def _refused(address: Address, error: Exception) -> str:
    code = getattr(error, "errno", None)
    reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
    if code == errno.EADDRINUSE:
        return f"port={address.port} is taken by another server: give another `port`."
    if code in (errno.EACCES, errno.EPERM):
        return f"port={address.port} is not open to you ({reason}): give a `port` above 1023."
    return (
        f"host={address.host!r} is not an address of this machine ({reason}): give another `host`."
    )


def _check_tls(cert: Path, key: Path) -> None:
    """Refuse files that are not a certificate and its key; `serve` asks for a passphrase."""
    for file in (cert, key):
        with open(file, "rb"):  # whoever may not read it is told so of this file
            pass
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(cert)
    except ssl.SSLError as error:
        raise ValueError(
            f"{str(cert)!r} holds no certificate in PEM format: correct `tls`."
        ) from error
    try:
        context.load_cert_chain(cert, key, _asked)
    except _PassphraseError:
        pass
    except ssl.SSLError as error:
        raise ValueError(
            f"{str(key)!r} holds no key in PEM format, or not that of the certificate in "
            f"{str(cert)!r}: correct `tls`."
        ) from error


class _PassphraseError(Exception):
    """A key is encrypted."""


def _asked() -> str:
    raise _PassphraseError


def serve(app: ASGIApp, address: Address, listening: socket.socket) -> None:
    """Serve until the process is stopped.

    Parameters
    ----------
    app : ASGI application
        From `labeler_app`, made with ``address.hosts`` and ``address.secure``.
    address : Address
    listening : socket
        From `listen`; it is closed at the end.

    Raises
    ------
    ValueError
        If the passphrase of an encrypted key is wrong.
    """
    with listening:
        server = make_server(app, address)
        try:
            server.config.load()
        except ssl.SSLError as error:
            raise ValueError("The passphrase is not that of the key: correct `tls`.") from error
        server.run(sockets=[listening])
