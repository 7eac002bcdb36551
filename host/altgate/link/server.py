"""``altgate serve``: one loop that carries messages between the broker and the register."""

import logging
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy.exc import OperationalError

from altgate.clock import DAY_S, now_s
from altgate.errors import BadMessage, LinkFailed
from altgate.keys.authority import HOST
from altgate.link import inbox, renewals, sealed, state
from altgate.link.orders import Answer, Orders
from altgate.protocol import messages, topics
from altgate.registry import doors, enrolments, schedules
from altgate.registry.models import Door
from altgate.registry.site import Site

log = logging.getLogger(__name__)
STEP_S = 0.05
LOOK_S = 0.005  # the longest that a command in the register waits to be seen
RESEND_S = 10.0
RECONNECT_S = 1.0
KEEPALIVE_S = 30


@dataclass(frozen=True)
class _Offer:
    """The batch offered last to a door: its new version, from which versions it was made, and when."""

    new_version: int
    versions: tuple[int | None, int, int]
    at: float


_NOTHING = _Offer(-1, (None, 0, 0), 0.0)


class Server:
    """Serves one building until ``stop`` is called. Everything runs in the caller's thread."""

    def __init__(self, site: Site, host: str, port: int) -> None:
        self._site, self._host, self._port = site, host, port
        self._is_stopping = False
        self._orders = Orders(site)
        self._sent: dict[str, _Offer] = {}  # by door id
        self._admitted: dict[str, bytes] = {}  # by door id, what was sent of its own accord
        self._seen_change: int | None = None
        self._kept_up_at: int | None = None
        self._probe = site.engine.raw_connection()
        folder = site.data / "pki"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=HOST, clean_session=False)
        self._client.tls_set(
            ca_certs=str(folder / "ca.pem"),
            certfile=str(folder / "host.pem"),
            keyfile=str(folder / "host.key"),
            cert_reqs=ssl.CERT_REQUIRED,
            tls_version=ssl.PROTOCOL_TLS_CLIENT,
        )
        self._client.on_socket_open = _at_once
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def run(self) -> None:
        """Connect and serve; raises LinkFailed if the first connection fails, and returns after ``stop``."""
        try:
            self._client.connect(self._host, self._port, KEEPALIVE_S)
        except ssl.SSLEOFError:
            raise LinkFailed(
                f"What answers at {self._host}:{self._port} closes the connection at once: look whether the "
                "broker is starting, whether it speaks TLS there, and whether it still takes the host's "
                "certificate."
            ) from None
        except ssl.SSLError as error:
            raise LinkFailed(
                f"The broker's certificate was not accepted ({error.reason}): it must come from this "
                "building's CA and carry the name given with --broker."
            ) from None
        except (OSError, socket.gaierror):
            raise LinkFailed(
                f"No broker answers at {self._host}:{self._port}: start it, or correct --broker."
            ) from None
        while not self._is_stopping:
            self._rest()
            if self._client.loop(0) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._reconnect()
            elif self._client.is_connected():
                with _patience("what has to be sent"):
                    self._poll()
        self._client.disconnect()
        self._probe.close()

    def stop(self) -> None:
        """End ``run`` after its present step; safe in a signal handler."""
        self._is_stopping = True

    def _rest(self) -> None:
        """Wait until the broker sends something or the register changes, ``STEP_S`` at most."""
        link = self._client.socket()
        until = time.monotonic() + STEP_S
        while link and not self._client.want_write() and time.monotonic() < until:
            # What TLS has taken from the socket already, select does not see.
            has_more = isinstance(link, ssl.SSLSocket) and link.pending()
            if has_more or select.select([link], [], [], LOOK_S)[0] or self._change() != self._seen_change:
                return

    def _change(self) -> int:
        """A number that differs whenever somebody has changed the register."""
        return int(self._probe.cursor().execute("PRAGMA data_version").fetchone()[0])

    def _reconnect(self) -> None:
        time.sleep(RECONNECT_S)
        try:
            self._client.reconnect()
        except OSError as error:
            log.warning("the broker is away (%s), trying again", type(error).__name__)

    def _on_connect(
        self,
        client: mqtt.Client,
        _data: Any,
        _flags: mqtt.ConnectFlags,
        code: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if code.is_failure:
            log.warning("the broker refused the host: %s", code)
            return
        client.subscribe([(f"{topics.ROOT}/+/{name}", 1) for name in (*topics.UP, topics.UP_ENROL)])

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _data: Any,
        _number: int,
        codes: list[ReasonCode],
        _more: Properties | None,
    ) -> None:
        if any(code.is_failure for code in codes):
            log.warning("the broker does not let the host hear its doors: check its access rules")
            return
        # Nothing that was sent before is sure to have arrived.
        self._sent.clear()
        self._seen_change = None
        self._orders.ask_again()
        log.info("connected to the broker")

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        is_done = False
        while not is_done and not self._is_stopping:
            # The broker is told that it arrived only once this returns.
            with _patience("a message waits"):
                self._receive(message)
                is_done = True

    def _receive(self, message: mqtt.MQTTMessage) -> None:
        try:
            door, answers = inbox.receive(self._site, self._orders, message.topic, bytes(message.payload))
        except BadMessage as error:
            log.warning("dropped a message on %s: %s", message.topic, error)
            return
        if message.topic.endswith(topics.UP_HELLO):
            self._sent.pop(door.door_id, None)
        for answer in answers:
            self._send(door, answer)
        self._offer_state(door)

    def _send(self, door: Door, answer: Answer) -> None:
        name, content = answer
        topic = topics.topic(door.door_id, name)
        if not isinstance(content, bytes):
            content = sealed.seal(doors.link_key(self._site, door, "down"), topic, content)
        self._client.publish(topic, content, qos=1)

    def _offer_state(self, door: Door) -> None:
        """Send the next batch, unless the same one was sent a moment ago."""
        sent = self._sent.get(door.door_id, _NOTHING)
        is_recent = time.monotonic() - sent.at < RESEND_S
        with self._site.read() as session:
            door = session.get_one(Door, door.id)
            versions = (door.applied_version, door.base_version, door.state_version)
            # From the same versions comes the same batch.
            batch = None if is_recent and sent.versions == versions else state.next_batch(session, door)
        if batch is None or not door.epoch:
            return
        new_version = batch[messages.NEW_VERSION]
        if is_recent and sent.new_version == new_version:
            return
        self._sent[door.door_id] = _Offer(new_version, versions, time.monotonic())
        self._send(door, (topics.DOWN_STATE, {messages.EPOCH: door.epoch, **batch}))

    def _keep_up(self) -> None:
        """Once a day, see to it that no door runs out of the coming changes of its time zone, nor of the time
        of its certificate."""
        now = now_s()
        # A clock that was set back is looked at anew, too.
        if self._kept_up_at is not None and 0 <= now - self._kept_up_at < DAY_S:
            return
        for door, answer in renewals.offers(self._site):
            self._send(door, answer)
        count = schedules.renew_zone(self._site)
        self._kept_up_at = now
        if count:
            log.info("%s doors get the coming changes of their time zone", count)

    def _poll(self) -> None:
        """Look at the database when another process changed it, or when an offer has to be repeated."""
        self._keep_up()
        change = self._change()
        is_late = any(time.monotonic() - sent.at >= RESEND_S for sent in self._sent.values())
        if change != self._seen_change or self._orders.is_due():
            for door, answer in self._orders.due():
                self._send(door, answer)
        if change == self._seen_change and not is_late:
            return
        self._seen_change = change
        with self._site.read() as session:
            present, admitted = doors.present(session), enrolments.admissions(session)
        for door, admission in admitted:
            # Once for each; a board that did not get it asks again.
            if self._admitted.get(door.door_id) != admission:
                self._admitted[door.door_id] = admission
                self._send(door, (topics.DOWN_ADMISSION, admission))
        for door in present:
            self._offer_state(door)
        if is_late:
            self._sent = {
                name: sent for name, sent in self._sent.items() if time.monotonic() - sent.at < RESEND_S
            }


@contextmanager
def _patience(what: str) -> Iterator[None]:
    """Go on where another process holds the register for longer than anybody waits, and say so."""
    try:
        yield
    except OperationalError as error:
        log.warning("the register cannot be written just now (%s): %s", error.orig, what)


def _at_once(_client: mqtt.Client, _data: Any, opened: Any) -> None:
    """Have what is sent leave at once: a door's answer may hang on it."""
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
