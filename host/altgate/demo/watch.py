"""Looking on at MQTT: what passes between the door and its host, in words."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cbor2
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from altgate.consent import states
from altgate.keys.authority import issue
from altgate.keys.vault import write_private
from altgate.protocol import messages, names, topics
from altgate.registry.site import Site

NAME = "altgate-watch"
KEEPALIVE_S = 30


@dataclass(frozen=True)
class Seen:
    """One message: ``name`` is its topic below the door; ``fields`` what its sealed payload holds."""

    door_id: str
    name: str
    fields: dict[int, Any]
    size: int

    @property
    def text(self) -> str:
        """The message in a few words."""
        return f"{self.name}  {describe(self.name, self.fields)}".rstrip()


def describe(name: str, fields: dict[int, Any]) -> str:
    """What a message says, with the names of its codes."""
    if name == topics.UP_EVENT:
        kind = names.KINDS.get(fields[messages.KIND], "?")
        parts = [f"{fields[messages.SEQUENCE]}: {kind}"]
        if fields[messages.KIND] in (messages.KIND_ENTRY, messages.KIND_COMMAND):
            parts.append(names.METHODS.get(fields[messages.METHOD], "?"))
            parts.append(names.REASONS.get(fields[messages.REASON], "?"))
        return " ".join(parts)
    if name == topics.UP_HELLO:
        return f"boot {fields[messages.BOOT]}, state {fields[messages.STATE_VERSION]}"
    if name == topics.UP_REPLY:
        return names.REASONS.get(fields[messages.RESULT], "?")
    if name in (topics.UP_CONSENT, topics.DOWN_CONSENT):
        state = states.NAMES.get(fields[messages.CONSENT_STATE], "?")
        return f"{fields[messages.CONSENT].hex()[:12]} {state}"
    if name == topics.DOWN_ACK:
        return f"up to {fields[messages.SEQUENCE]}"
    if name == topics.DOWN_STATE:
        return f"version {fields[messages.NEW_VERSION]}, {len(fields[messages.OPERATIONS])} changes"
    if name == topics.DOWN_COMMAND:
        verbs = {messages.VERB_CHALLENGE: "challenge", messages.VERB_UNLOCK: "unlock"}
        return verbs.get(fields[messages.VERB], str(fields[messages.VERB]))
    if name == topics.DOWN_RENEWAL:
        return f"another certificate, {len(fields[messages.SEALED])} bytes sealed"
    return ""


class Watch:
    """A client that only listens, with a certificate of its own; ``told(seen)`` runs on its thread."""

    def __init__(self, site: Site, port: int, told: Callable[[Seen], None]) -> None:
        self._told = told
        self._is_listening = threading.Event()
        folder = site.data / "pki"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=NAME)
        certificate, key = folder / f"{NAME}.pem", folder / f"{NAME}.key"
        if not key.exists():
            identity = issue(site.authority(), NAME)
            write_private(certificate, identity.certificate_pem())
            write_private(key, identity.key_pem())
        self._client.tls_set(str(Path(folder / "ca.pem")), str(certificate), str(key))
        self._client.reconnect_delay_set(1, 2)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._is_listening.set()
        self._client.on_message = self._message
        self._port = port

    def start(self) -> None:
        """Connect, and return once subscribed; raises TimeoutError."""
        self._client.connect("127.0.0.1", self._port, KEEPALIVE_S)
        self._client.loop_start()
        if not self._is_listening.wait(10):
            raise TimeoutError("the broker did not take the looking-on client's subscription")

    def stop(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(f"{topics.ROOT}/#", 1)

    def _message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        door_id, name = topics.split(message.topic)
        fields = {}
        if name != topics.UP_STATUS:
            # The payload of a COSE_Mac0 lies open; whether its MAC is right is for door and host.
            fields = cbor2.loads(cbor2.loads(message.payload).value[2])
        self._told(Seen(door_id, name, fields, len(message.payload)))
