"""The fuzzing campaigns: what each plays, on which interpreter, its bar, and the faults it must notice.

Their scripts are scripts/fuzz_NAME.py.
"""

from faults.slices import Campaign, Plant

MAC = Plant(
    "altgate.crypto.cose",
    "if not consteq(_code(key, topic, content_head, content), data[-_TAG_BYTES:]):",
    "if False:",
)
_HOST_MAC = Plant(
    "altgate.link.sealed", "if not hmac.compare_digest(tag, _mac(key, topic, payload)):", "if False:"
)
_PASS_TAG = Plant(
    "altgate.crypto.passes",
    "if not consteq(tag, pass_tag(pass_key, door_id, pass_id, not_before, not_after, uses)):",
    "if False:",
)

_STREAM, _IMPROV = "altgate.console.stream", "altgate.console.improv"
_EPOCH = "0250" + "02" * 16
CAMPAIGNS = (
    Campaign(
        "pn532", "frames", "192k",
        {
            "checksum": Plant("altgate.drivers.pn532", "if (sum(body) + buffer[end]) & 0xFF:", "if False:"),
            "length": Plant("altgate.drivers.pn532", "len(answer) < 6 or ", ""),
            "stale bytes": Plant("altgate.drivers.pn532", "        self._forget()\n", ""),
            "proof": Plant(
                "altgate.entry.ntag424", "consteq.consteq(proof[4:20], rnd_a[1:] + rnd_a[:1])", "True"
            ),
        },
        {"late frame": "00" + "7a" * 285 + "0000ff15eb"},
    ),
    Campaign(
        "gm65", "lines", "192k",
        {
            "length": Plant(
                "altgate.drivers.gm65", "if len(self._line) > limits.PASS_TEXT_BYTES:", "if False:"
            ),
            "tag": _PASS_TAG,
        },
    ),
    Campaign(
        "pass", "texts", "128k",
        {
            "tag": _PASS_TAG,
            "spelling": Plant("altgate.crypto.passes", "if text != _PREFIX + spelled:", "if False:"),
        },
    ),
    Campaign(
        "console", "lines", "512k",
        {
            "knock": Plant(
                "altgate.console.line",
                " or not consteq.consteq(mac, hmac256.hmac256(psk, provisioning.KNOCK, who, nonce))",
                "",
            ),
            "seal": Plant(
                "altgate.console.line",
                "        except siv.SivError:\n            return None",
                "        except siv.SivError:\n"
                "            tag, text = bytes(frame[2][:16]), frame[2][16:]\n"
                "            said = siv._counter_mode(self._keys[0][32:], tag, text)",
            ),
            "number": Plant(
                "altgate.console.line", " or number not in (self._number, self._number + 1)", ""
            ),
            "carried out once": Plant("altgate.console.line", "if number != self._number:", "if True:"),
            "a stranger": Plant(
                "altgate.console.bare",
                "if self._door.enrolment:\n            return None",
                "if False:\n            return None",
            ),
            "error": Plant(
                "altgate.console.line", "except ValueError:\n            raise Bad(reasons.BAD_SHAPE)",
                "except KeyError:\n            raise Bad(reasons.BAD_SHAPE)",
            ),
            "digest": Plant(
                "altgate.console.content",
                "if hashlib.sha256(content).digest() != self._digest:",
                "if False:",
            ),
            "length": Plant(
                "altgate.console.content", " or said[1] + len(said[2]) > self._length", ""
            ),
            "another ticket": Plant(
                "altgate.store.enrolment",
                "elif before.kept[provisioning.GIVEN_HASH] == digest:",
                "elif True:",
            ),
            "nothing changed": Plant(
                "altgate.store.enrolment", "kept = dict(before.kept)", "kept = before.kept"
            ),
            "expired": Plant(
                "altgate.store.enrolment",
                "if told[provisioning.TIME] > ticket[provisioning.EXPIRES]:",
                "if False:",
            ),
            "other fields": Plant(
                "altgate.store.enrolment", "if set(fields) != set(shapes) | set(others):", "if False:"
            ),
            "for another board": Plant(
                "altgate.store.enrolment",
                "bound = (provisioning.ADMISSION, kept[provisioning.DOOR_ID].encode(), "
                "kept[provisioning.TICKET_ID])\n    try:\n        content = siv.open_(key, sealed, bound)\n"
                "    except siv.SivError:\n        raise Unfit(reasons.BAD_MAC)",
                "content = siv._counter_mode(key[32:], bytes(sealed[:16]), sealed[16:])",
            ),
            "key of the journal": Plant(
                "altgate.store.enrolment", "if journal_key in content:", "if False:"
            ),
        },
        {
            "kind without hash": "018180",
            "true is a kind": "0181f5",
            "true is said": "0200,0481f5",
        },
    ),
    Campaign(
        "cbor", "items", "192k",
        {
            "shortest form": Plant("altgate.crypto.cbor", "if number < _LEAST_BY_WIDTH[width]:", "if False:"),
            "order": Plant("altgate.crypto.cbor", "if rank <= previous:", "if False:"),
            "length": Plant("altgate.crypto.cbor", "if end > len(self.data):", "if False:"),
            "memory": Plant(
                "altgate.crypto.cbor",
                "        self.position = 0\n",
                "        self.position = 0\n        _SIMPLE_VALUES[len(_SIMPLE_VALUES) + 256] = None\n",
            ),
            "surrogates": Plant("altgate.crypto.cbor", " or 0xD800 <= code < 0xE000", ""),
        },
    ),
    Campaign(
        "cose", "messages", "192k",
        {
            "mac": MAC,
            "head": Plant(
                "altgate.crypto.cose", "if data[len(_ENVELOPE) : start] != content_head:", "if False:"
            ),
        },
    ),
    Campaign(
        "session", "messages", "640k",
        {
            "mac": MAC,
            "epoch": Plant(
                "altgate.link.session",
                "if not consteq.consteq(fields[messages.EPOCH], self.epoch):",
                "if False:",
            ),
            "epoch of the rest": Plant(
                "altgate.link.session",
                "if is_stale and name != topics.DOWN_COMMAND:",
                "if False:",
            ),
            "challenge": Plant(
                "altgate.link.session",
                "challenge, self._challenge = self._challenge, None",
                "challenge = self._challenge",
            ),
            "shape": Plant(
                "altgate.store.draft",
                "if type(operation) is not list or not operation or type(operation[0]) is not int:",
                "if False:",
            ),
        },
        {
            "operation without hash": "0102a4" + _EPOCH + "1001110212818180",
            "true is an operation": (
                "0102a4" + _EPOCH + "1001110212818cf5040150" + "74" * 16 + "0000000300000000"
            ),
        },
    ),
    Campaign(
        "mqtt", "packets", "128k",
        {
            "size": Plant(
                "altgate.link.packets",
                "fits = topic_bytes <= TOPIC_BYTES and payload_bytes <= limits.MESSAGE_BYTES",
                "fits = True",
            ),
            "length": Plant("altgate.link.packets", "if payload_bytes < 0 or not", "if not"),
            "wildcard": Plant("altgate.link.packets", ' or "+" in text', ""),
        },
    ),
    Campaign(
        "keypad", "entries", "160k",
        {
            "length": Plant("altgate.entry.pin", "if len(digits) > most:", "if False:"),
            "short PIN": Plant("altgate.entry.pin", "if len(pin) < limits.PIN_DIGITS_MIN:", "if False:"),
        },
    ),
    Campaign(
        "sealed", "messages", "",
        {
            "mac": _HOST_MAC,
            "form": Plant(
                "altgate.link.sealed",
                "if again != data or cbor2.dumps(content, canonical=True) != payload:",
                "if False:",
            ),
            "error": Plant("altgate.plain_cbor", "except (cbor2.CBORError, ", "except ("),
        },
        {
            "maps as keys": "00" + "a1" * 18 + "00" * 19,
        },
    ),
    Campaign(
        "inbox", "messages", "",
        {
            "transaction": Plant(
                "altgate.registry.site",
                "with Session(engine, expire_on_commit=False) as session, session.begin():\n"
                "            yield session",
                "with Session(engine, expire_on_commit=False) as session:\n"
                "            try:\n"
                "                yield session\n"
                "            finally:\n"
                "                if session.is_active:\n"
                "                    session.commit()",
            ),
            "gap": Plant(
                "altgate.link.starts", "if event.sequence != door.acked_sequence + 1:", "if False:"
            ),
            "mac": _HOST_MAC,
            "topic": Plant(
                "altgate.link.sealed",
                "if not hmac.compare_digest(tag, _mac(key, topic, payload)):",
                "from altgate.protocol import topics\n"
                "    door = topic.rsplit('/', 2)[0]\n"
                "    sealed_for = [f'{door}/{name}' for name in topics.UP + topics.DOWN]\n"
                "    if all(tag != _mac(key, one, payload) for one in sealed_for):",
            ),
            "old hello": Plant(
                "altgate.link.starts",
                'raise BadMessage(reasons.STALE_EPOCH, "a hello of an earlier boot")',
                "return",
            ),
            "hello that was kept back": Plant(
                "altgate.link.starts",
                "return door.boot is not None and boot <= door.boot and not _is_known(session, door, epoch)",
                "return False",
            ),
            "old reply": Plant(
                "altgate.link.inbox",
                "if content.get(messages.EPOCH, door.epoch) != door.epoch:",
                "if False:",
            ),
            "other content": Plant(
                "altgate.link.inbox",
                "elif any(getattr(known, name) != value for name, value in fields.items()):",
                "elif False:",
            ),
            "missing": Plant(
                "altgate.link.starts",
                'chain.record_action(session, site.vault, door.door_id, REGISTER_WENT_BACK,',
                "str(",
            ),
            "mac of a request": Plant(
                "altgate.registry.enrolments",
                "if not hmac.compare_digest(mac, right) or said[p.GIVEN_HASH] != row.given_hash:",
                "if False:",
            ),
            "door of a ticket": Plant(
                "altgate.registry.enrolments",
                "if row is None or row.door != door.id or said[p.DOOR_ID] != door.door_id:",
                "if row is None:",
            ),
            # Two cares, each of which is enough.
            "used ticket": (
                Plant("altgate.registry.enrolments", "if row.ended_at or row.admission:", "if False:"),
                Plant(
                    "altgate.registry.enrolments",
                    "came in again.\n    row.sealed_server_key = row.sealed_board_key = None",
                    "came in again.",
                ),
            ),
            "what a terminal obeys": Plant(
                "altgate.registry.enrolments", " or not text.isprintable()", ""
            ),
            "expired ticket": Plant(
                "altgate.registry.enrolments", "if row.expires_at < now_s():", "if False:"
            ),
            "kind of key": Plant(
                "altgate.registry.enrolments", ", TypeError, UnsupportedAlgorithm, x509.InvalidVersion):",
                ", TypeError):",
            ),
        },
        {
            "version of 64 bits": "0102a3031b80000000000000001400151864",
            "version in an event": (
                "0101aa0103081a6b49d20009020a020b0b0c000d010e070f0318191b7fffffffffffffff"
            ),
            "a map for a record": "06000082a101024100",
            "dropped hello": "0100a501040250" + "66" * 16 + "03020500" + "0750" + "00" * 16,
        },
        # Every message is a transaction on a database.
        bar=3 * 10**5,
    ),
    Campaign(
        "provision", "lines", "",
        {
            "come in": Plant(
                "altgate.provision.session", "if not hmac.compare_digest(answer[2], right):", "if False:"
            ),
            "shape": Plant(
                "altgate.provision.session",
                "if [type(part) for part in answer[1:]] != [str, str, str, str]:",
                "if False:",
            ),
            "seal": Plant(
                "altgate.provision.session",
                "inner = decode(self._keys[1].decrypt(answer[2], bound))",
                "inner = decode(answer[2][16:])",
            ),
            "error": Plant(
                "altgate.provision.session", "except (InvalidTag, BadMessage, ", "except (BadMessage, "
            ),
            "number": Plant(
                "altgate.provision.session",
                "if frame[0] == kind and (number is None or frame[1:2] == [number]):",
                "if frame[0] == kind:",
            ),
            "count": Plant("altgate.provision.session", "if not least <= answer[1] <= most:", "if False:"),
            "nothing read": Plant(
                "altgate.provision.session",
                "if not isinstance(answer[2], bytes) or not answer[2]:",
                "if not isinstance(answer[2], bytes):",
            ),
            "point": Plant(
                "altgate.provision.session",
                "except (ValueError, TypeError, IndexError):",
                "except TypeError:",
            ),
        },
        {"a text is read": "03" + ",83" * 7 + ",858304006178"},
    ),
    Campaign(
        "ticket", "texts", "",
        {
            "signature": Plant(
                "altgate.provision.signed",
                "key.verify(signature, label + given, ec.ECDSA(hashes.SHA256()))",
                "pass",
            ),
            "fields": Plant(
                "altgate.provision.signed",
                "if {key: type(value) for key, value in fields.items()} != kinds:",
                "if False:",
            ),
            "error": Plant("altgate.provision.signed", "except (UnsupportedAlgorithm, ", "except ("),
            "bytes": Plant("altgate.plain_cbor", "if not isinstance(data, bytes):", "if False:"),
        },
        {"a map is given": "0182a101024100"},
        bar=3 * 10**5,
    ),
    Campaign(
        "improv", "frames", "192k",
        {
            "checksum": Plant(_STREAM, "if sum(data[:end]) & 0xFF != data[end]:", "if False:"),
            "what is in a spoilt frame": Plant(
                _STREAM, "self._bytes = data[_HEADER:]\n            return SPOILT",
                "self._bytes = data[end + 1 :]\n            return SPOILT",
            ),
            "a frame cut short": Plant(_STREAM, "= self._bytes.startswith(improv.HEADER)", "= False"),
            "a line without end": Plant(
                _STREAM, "if len(self._bytes) > limits.CONSOLE_LINE_BYTES + _HEADER:", "if False:"
            ),
            "length": Plant(_IMPROV, "if len(content) < 3 or content[2] != len(content) - 3:", "if False:"),
            "lengths of name and password": Plant(_IMPROV, " or end + 1 + data[end] != len(data)", ""),
            "name too long": Plant(_IMPROV, "len(ssid) > improv.SSID_BYTES or ", ""),
            "password too long": Plant(_IMPROV, " or len(password) > improv.PASSWORD_BYTES", ""),
            "spelling": Plant(_IMPROV, "not _is_text(ssid) or ", ""),
            "one at a time": Plant(_IMPROV, "if self._job and not self._job.done():", "if False:"),
            "length of a newline": Plant(_IMPROV, "if 2 + len(body) == _NEWLINE:", "if False:"),
        },
        bar=10**5,
    ),
)  # fmt: skip
