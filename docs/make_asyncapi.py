"""Write docs/asyncapi.json from firmware/protocol; ``--check`` fails where the file says something else.

AsyncAPI 3.0.0. A payload is COSE_Mac0 around a CBOR map whose keys are numbers: a property is named as in
protocol.messages, and ``x-cbor-key`` gives its number.
"""

import json
import sys
from pathlib import Path
from typing import Any

import altgate
from altgate.protocol import fields, limits, messages, topics

PAGE = Path(__file__).parent / "asyncapi.json"
ROOT = f"{topics.ROOT}/{{door}}/"
NOT_KEYS = (
    "OP_", "TYPE_", "SETTING_", "VERB_", "KIND_", "METHOD_", "QUALITY_", "RULE_", "CONSENT_", "DETAIL_",
)  # fmt: skip
Json = dict[str, Any]


def names() -> dict[int, str]:
    """Number of a key to its name."""
    found = {
        value: name
        for name, value in vars(messages).items()
        if name.isupper() and isinstance(value, int) and not name.startswith(NOT_KEYS)
    }
    return {**found, messages.CONSENT_STATE: "CONSENT_STATE"}


def schema(kind: tuple[str, int]) -> Json:
    """JSON Schema of one kind of value."""
    what, size = kind
    if what == "bool":
        return {"type": "boolean"}
    if what == "counts":
        return {"type": "object", "description": "reason code to how often", "x-cbor-type": "map"}
    if what == "operations":
        return {"type": "array", "items": {"type": "array"}, "maxItems": limits.OPERATIONS_PER_MESSAGE}
    if what == "u":
        return {"type": "integer", "minimum": 0, "maximum": (1 << size) - 1}
    if what == "text":
        return {"type": "string", "minLength": 1, "maxLength": size}
    bounds = {"minLength": size, "maxLength": size}
    return {"type": "string", "format": "binary", **bounds, "x-cbor-type": "bytes"}


def message(name: str) -> Json:
    """One topic's message."""
    always, maybe = fields.HELD[name]
    words = names()
    return {
        "name": name,
        "contentType": "application/cose; cose-type=cose-mac0",
        "payload": {
            "type": "object",
            "properties": {
                words[key]: {**schema(fields.KINDS[key]), "x-cbor-key": key} for key in (*always, *maybe)
            },
            "required": [words[key] for key in always],
            "additionalProperties": False,
        },
    }


def status() -> Json:
    """The one message that is not sealed."""
    said = [one.decode() for one in (topics.STATUS_ONLINE, topics.STATUS_OFFLINE, topics.STATUS_STUCK)]
    payload = {"type": "string", "enum": said}
    return {"name": topics.UP_STATUS, "contentType": "text/plain", "payload": payload}


def request() -> Json:
    """What a board says that waits: a record and its MAC."""
    part = {"type": "string", "format": "binary", "x-cbor-type": "bytes"}
    payload = {"type": "array", "items": part, "minItems": 2, "maxItems": 2}
    return {"name": topics.UP_ENROL, "contentType": "application/cbor", "payload": payload}


def admission() -> Json:
    """What makes a board that waits a door, sealed as a whole."""
    payload = {"type": "string", "format": "binary"}
    return {"name": topics.DOWN_ADMISSION, "contentType": "application/octet-stream", "payload": payload}


def render() -> str:
    """The whole document."""
    channels: Json = {}
    operations: Json = {}
    held: Json = {}
    plain = {topics.UP_STATUS: status(), topics.UP_ENROL: request(), topics.DOWN_ADMISSION: admission()}
    up, down = (*topics.UP, topics.UP_ENROL), (*topics.DOWN, topics.DOWN_ADMISSION)
    for group, action in ((up, "send"), (down, "receive")):
        for name in group:
            word = name.replace("/", "_")
            held[word] = plain.get(name) or message(name)
            channels[word] = {
                "address": ROOT + name,
                "parameters": {"door": {"description": "8 lowercase hexadecimal digits"}},
                "messages": {word: {"$ref": f"#/components/messages/{word}"}},
            }
            operations[word] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{word}"},
                "bindings": {"mqtt": {"qos": 1, "retain": name == topics.UP_STATUS}},
            }
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "altgate, as its door speaks it",
            "version": altgate.__version__,
            "description": "Made from firmware/protocol; docs/formats.md says what each message means.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cose",
        "servers": {
            "building": {
                "host": "broker.example:8883",
                "protocol": "secure-mqtt",
                "protocolVersion": "3.1.1",
                "security": [{"$ref": "#/components/securitySchemes/certificate"}],
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": held,
            "securitySchemes": {
                "certificate": {"type": "X509", "description": "of the building's own authority, both sides"}
            },
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or compare it; returns the exit code."""
    text = render()
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
