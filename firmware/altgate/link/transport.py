"""A byte stream to the broker: name lookup beside the loop, then connect and mutual TLS without blocking it.

Certificates are DER. The server's chain and name are always checked; there is no switch to turn that off.
"""

import _thread
import asyncio
import errno
import select
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STEP_MS = 20
_AHEAD = 64  # bytes that are taken along where they have come: several short packets
# Not every port names them; in lwIP and Linux they are the same.
_IPPROTO_TCP = 6
_TCP_NODELAY = 1
_READS = 16  # in a row before others get their turn
_NOTHING = bytearray(0)  # read into, it takes nothing from a socket


class Transport:
    """Opens connections for one configuration (``host``, ``port``, ``server_name``, ``ca``, and pair() for
    ``(certificate, private key)``; an empty ``ca`` means plain TCP)."""

    def __init__(self, config):
        self._config = config
        self._context: Any = None  # tls.SSLContext of _pair
        self._pair = None
        self._lookup = None

    async def open(self):
        """A connected Stream. Its TLS handshake is done by the first write and read.

        Raises OSError where the name or the address does not answer, ValueError for unusable certificates.
        Cancelling it closes the socket.
        """
        pair = self._config.pair()
        if self._config.ca and pair is not self._pair:
            # The old one goes first: there is no memory for two.
            self._context = self._pair = None
            self._context, self._pair = _context(self._config.ca, *pair), pair
        address = await self._address()
        link = bare = socket.socket()
        try:
            await _connect(bare, address)
            if self._config.ca:
                link = self._context.wrap_socket(
                    bare, server_hostname=self._config.server_name, do_handshake_on_connect=False
                )
                link.setblocking(False)
            return Stream(link, bare)
        except BaseException:
            link.close()
            raise

    async def _address(self):
        host, port = self._config.host, self._config.port
        if _is_literal(host):
            return socket.getaddrinfo(host, port)[0][-1]
        # getaddrinfo blocks for as long as the resolver likes, so it has a thread, and never more than one.
        if self._lookup is None:
            self._lookup = [None]
            _thread.start_new_thread(_resolve, (self._lookup, host, port))
        slot = self._lookup
        while slot[0] is None:
            await asyncio.sleep_ms(_STEP_MS)
        self._lookup = None
        if isinstance(slot[0], OSError):
            raise slot[0]
        return slot[0]


class Stream(asyncio.StreamReader):
    """A stream whose reads take what is there before they wait; ``bare`` is the TCP socket below ``link``.

    Waiting is for the TCP socket: a TLS socket that gave nothing has nothing buffered, and while the PC port
    of MicroPython looks at one, each turn of its loop takes a millisecond.
    """

    def __init__(self, link, bare):
        super().__init__(link)
        self._link = link
        self._bare = asyncio.StreamReader(bare)
        self._reads = 0
        self._got = b""  # came and was not asked for yet

    async def drain(self):
        """Wait until all that was written is out, a TLS handshake included; raises OSError."""
        while self.out_buf:
            wrote = self._link.write(self.out_buf)
            if wrote:
                self.out_buf = self.out_buf[wrote:]
            else:
                await asyncio.sleep_ms(_STEP_MS)

    async def readexactly(self, n):
        """``n`` bytes; raises EOFError where the other side has closed, OSError."""
        self._reads += 1
        if self._reads > _READS:
            self._reads = 0
            await asyncio.sleep_ms(0)
        while len(self._got) < n:
            chunk = self._link.read(max(n - len(self._got), _AHEAD))
            if chunk is None:
                self._reads = 0
                await self._bare.readinto(_NOTHING)
            elif not chunk:
                raise EOFError
            else:
                self._got += chunk
        got, self._got = self._got[:n], self._got[n:]
        return got


def _context(authority, certificate, private_key):
    # The wrapper module `ssl` would set CERT_NONE: `tls` itself asks for CERT_REQUIRED.
    import tls

    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED  # pyright: ignore[reportAttributeAccessIssue] - not in the stubs
    context.load_verify_locations(authority)
    if certificate:
        context.load_cert_chain(certificate, private_key)
    return context


def _resolve(slot, host, port):
    try:
        slot[0] = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
    except OSError as error:
        slot[0] = error


def _is_literal(host):
    return all(letter in "0123456789." for letter in host)


async def _connect(link, address):
    link.setblocking(False)
    # An answer must not wait until the broker's side has confirmed what was written before.
    link.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
    try:
        link.connect(address)
        return
    except OSError as error:
        if error.errno != errno.EINPROGRESS:
            raise
    poller = select.poll()
    poller.register(link, select.POLLOUT)
    while True:
        ready = poller.poll(0)
        if ready:
            break
        await asyncio.sleep_ms(_STEP_MS)
    if ready[0][1] & (select.POLLERR | select.POLLHUP):
        raise OSError(errno.ECONNREFUSED)
