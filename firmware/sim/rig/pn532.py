"""A PN532 on its high-speed UART, as far as a reader of type A cards can see it.

Source: NXP UM0701-02 (firmware 1.6): frames 6.2.1, dialogue 6.2.2, commands 7.2 and 7.3. Strict where a
real chip is merely unreliable: it sleeps until a 0x55 wakes it, and touches no card before SAMConfiguration.
"""

import threading
from collections import deque
from collections.abc import Callable

from .cards import Card
from .faults import Fault
from .pn532_frames import ACK, ERROR, MOST_DATA, Kind, Parser, Received, information

Send = Callable[[bytes], int]  # returns monotonic ns just before the last byte

OK, TIMED_OUT, WRONG_CONTEXT = b"\x00", b"\x01", b"\x27"
VERSION = bytes.fromhex("32010607")
FOR_EVER = 0xFF
_MORE_TO_COME = 0x40
_RF_ITEMS = {0x01: 1, 0x02: 3, 0x04: 1, 0x05: 3, 0x0A: 11, 0x0B: 8, 0x0C: 3, 0x0D: 9}


class _SyntaxError(Exception):
    """The command is unknown or its parameters do not fit."""


class Pn532:
    """One chip with up to two cards in its field. ``send`` puts bytes on the wire."""

    def __init__(self, send: Send) -> None:
        self.last_byte_ns = 0  # just before the last byte of the newest answer
        self.commands = 0  # how many sound commands came
        self.empty_looks = 0  # how many looks for a card found an empty field
        self._send = send
        self._lock = threading.RLock()
        self._field: list[Card] = []
        self._answer_faults: deque[Fault] = deque()
        self._ack_faults: deque[Fault] = deque()
        self._handlers: dict[int, Callable[[bytes], bytes | None]] = {
            0x02: self._version, 0x12: self._set_parameters, 0x14: self._sam, 0x32: self._rf,
            0x40: self._exchange, 0x44: self._deselect, 0x4A: self._list, 0x52: self._release,
            0x54: self._select,
        }  # fmt: skip
        self.power_cycle()

    def power_cycle(self) -> None:
        """Start from nothing: asleep, factory settings, no target."""
        with self._lock:
            self._parser = Parser()
            self._is_awake = self._is_configured = False
            self._retries = FOR_EVER
            self._waiting: bytes | None = None  # parameters of a list that waits for a card
            self._targets: dict[int, Card] = {}
            self._selected: set[int] = set()
            self._chained = b""
            self._last_answer = b""

    def put(self, card: Card) -> None:
        """Bring a card into the field; at most two fit."""
        with self._lock:
            if len(self._field) >= 2:
                raise ValueError("the chip tells at most two cards apart")
            card.found_ns = card.last_byte_ns = 0
            self._field.append(card)
            if self._waiting is not None:
                parameters, self._waiting = self._waiting, None
                self._reply(b"\x4a" + parameters)

    def take(self, card: Card) -> None:
        """Take the card out of the field; it may be gone already."""
        with self._lock:
            self._field = [other for other in self._field if other is not card]

    def cards(self) -> tuple[Card, ...]:
        """What is in the field."""
        with self._lock:
            return tuple(self._field)

    def fail_answers(self, *faults: Fault) -> None:
        """Damage the next answers, one fault each."""
        with self._lock:
            self._answer_faults.extend(faults)

    def fail_acks(self, *faults: Fault) -> None:
        """Damage the next acknowledge frames, one fault each."""
        with self._lock:
            self._ack_faults.extend(faults)

    def receive(self, data: bytes) -> None:
        """Bytes from the board, in any pieces."""
        with self._lock:
            if not self._is_awake:
                if 0x55 not in data:
                    return
                self._is_awake = True
            for frame in self._parser.feed(data):
                self._take_frame(frame)

    def _take_frame(self, frame: Received) -> None:
        # Whatever comes from the host ends a list that waits for a card (6.2.2.1).
        self._waiting = None
        if frame.kind is Kind.NACK:
            self._put_on_wire(self._last_answer)
        elif frame.kind is Kind.COMMAND:
            self.commands += 1
            self._send(self._ack_faults.popleft()(ACK) if self._ack_faults else ACK)
            self._reply(frame.body)

    def _reply(self, command: bytes) -> None:
        try:
            if not command or command[0] not in self._handlers:
                raise _SyntaxError
            answer = self._handlers[command[0]](command[1:])
        except _SyntaxError:
            self._put_on_wire(ERROR)
            return
        if answer is not None:
            stamp = self._put_on_wire(information(bytes((command[0] + 1,)) + answer))
            self._stamp(command, answer, stamp)

    def _put_on_wire(self, frame: bytes) -> int:
        self._last_answer = frame
        if self._answer_faults:
            frame = self._answer_faults.popleft()(frame)
        self.last_byte_ns = self._send(frame) if frame else self.last_byte_ns
        return self.last_byte_ns

    def _stamp(self, command: bytes, answer: bytes, stamp: int) -> None:
        if command[0] == 0x4A:
            for card in self._targets.values():
                card.found_ns = card.found_ns or stamp
                card.last_byte_ns = card.last_byte_ns or stamp
        elif command[0] == 0x40 and answer[0] & 0x3F == 0 and len(answer) > 1:
            self._targets[command[1] & 0x3F].last_byte_ns = stamp

    def _version(self, data: bytes) -> bytes:
        return VERSION

    def _set_parameters(self, data: bytes) -> bytes:
        _need(len(data) == 1)
        return b""

    def _sam(self, data: bytes) -> bytes:
        _need(1 <= len(data) <= 3 and 1 <= data[0] <= 4)
        self._is_configured = True
        return b""

    def _rf(self, data: bytes) -> bytes:
        _need(len(data) > 0 and _RF_ITEMS.get(data[0]) == len(data) - 1)
        if data[0] == 0x05:
            self._retries = data[3]
        elif data[0] == 0x01 and not data[1] & 1:
            self._targets.clear()
        return b""

    def _list(self, data: bytes) -> bytes | None:
        _need(self._is_configured and len(data) >= 2 and 1 <= data[0] <= 2 and data[1] <= 4)
        self._targets.clear()
        self._chained = b""
        # Initiator data names one card by its UID; without it any will do.
        cards = [card for card in self._field if not data[2:] or card.uid == data[2:]] if data[1] == 0 else []
        if not self._field:
            self.empty_looks += 1
        if not cards and self._retries == FOR_EVER:
            self._waiting = data
            return None
        described = b""
        for number, card in enumerate(cards[: data[0]], start=1):
            card.activate()
            self._targets[number] = card
            described += bytes((number,)) + card.sens_res + bytes((card.sel_res, len(card.uid)))
            described += card.uid + card.ats
        self._selected = set(self._targets)
        return bytes((len(self._targets),)) + described

    def _exchange(self, data: bytes) -> bytes:
        _need(len(data) >= 1)
        number = data[0] & 0x3F
        if number not in self._targets:
            return WRONG_CONTEXT
        if number not in self._selected:
            self._activate(number)
        command, self._chained = self._chained + data[1:], b""
        if data[0] & _MORE_TO_COME:
            self._chained = command
            return OK
        card = self._targets[number]
        answer = card.answer(command) if self._is_here(card) else None
        if answer is None or len(answer) > MOST_DATA - 2:
            return TIMED_OUT
        return OK + answer

    def _release(self, data: bytes) -> bytes:
        numbers = self._named(data)
        for number in numbers or ():
            del self._targets[number]
            self._selected.discard(number)
        return WRONG_CONTEXT if numbers is None else OK

    def _deselect(self, data: bytes) -> bytes:
        numbers = self._named(data)
        self._selected.difference_update(numbers or ())
        return WRONG_CONTEXT if numbers is None else OK

    def _select(self, data: bytes) -> bytes:
        _need(len(data) == 1)
        if data[0] not in self._targets:
            return WRONG_CONTEXT
        if data[0] in self._selected:
            return OK
        return OK if self._activate(data[0]) else TIMED_OUT

    def _activate(self, number: int) -> bool:
        card = self._targets[number]
        if self._is_here(card):
            card.activate()
            self._selected.add(number)
            return True
        return False

    def _is_here(self, card: Card) -> bool:
        return any(other is card for other in self._field)

    def _named(self, data: bytes) -> list[int] | None:
        """The targets that a release or deselect is for (0 is all), or None for one that is not listed."""
        _need(len(data) == 1)
        if data[0] == 0:
            return list(self._targets)
        return [data[0]] if data[0] in self._targets else None


def _need(is_fit: bool) -> None:
    if not is_fit:
        raise _SyntaxError
