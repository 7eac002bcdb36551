"""What a netlist of boardfile.py does: which nets current can reach, and each net's voltage at rest.

Both are conservative. ``reach`` takes every part that ever conducts as a wire, diodes in both directions;
``settle`` solves the resistors (nodal analysis) and lets transistors, relays and contacts follow.
"""

from collections.abc import Collection, Mapping
from typing import Any

Part = dict[str, Any]
ON_OHMS = 0.01
LEAK_OHMS = 1e9  # gives a net that nothing holds a voltage to compute with, and is seen not to hold it
JUNCTION_VOLTS = 0.7
_SWITCHED = ("npn", "pmos", "relay_contact", "contact")


def reach(parts: list[Part], start: str, ends: Collection[str], opened: Collection[str] = (),
          states: Mapping[str, bool] | None = None) -> set[str]:  # fmt: skip
    """Every net that current from ``start`` can reach, not going on past ``ends``.

    opened: who has opened contacts. states: of switched parts by name; without, each is taken as conducting.
    The coil of the lock is no way to go, nor is a transistor's control; capacitors pass nothing that lasts.
    """
    links: dict[str, set[str]] = {}
    for part in parts:
        if part["kind"] in ("capacitor", "coil") or part.get("opened_by") in opened:
            continue
        if states is not None and part["kind"] in _SWITCHED and not states.get(part["name"], True):
            continue
        links.setdefault(part["a"], set()).add(part["b"])
        links.setdefault(part["b"], set()).add(part["a"])
    seen, todo = {start}, [start]
    while todo:
        net = todo.pop()
        if net in ends and net != start:
            continue
        new = links.get(net, set()) - seen
        seen |= new
        todo += new
    return seen


def settle(parts: list[Part], rails: Mapping[str, float], levels: Mapping[str, float | None],
           opened: Collection[str] = ()) -> tuple[dict[str, float], dict[str, bool]]:  # fmt: skip
    """Voltage of each net and state of each switched part, once all has come to rest.

    rails: net to volts, ``gnd`` among them. levels: volts of each pin that is driven, None where it is not.
    opened: who has opened contacts. Raises ValueError where it never comes to rest.
    """
    held = {**rails, **{net: volts for net, volts in levels.items() if volts is not None}}
    states = {part["name"]: part["kind"] == "contact" and part["opened_by"] not in opened
              for part in parts if part["kind"] in _SWITCHED}  # fmt: skip
    for _ in range(20):
        volts = _solve(parts, held, states)
        after = {part["name"]: _is_on(part, parts, volts, opened) for part in parts if part["name"] in states}
        if after == states:
            return volts, states
        states = after
    raise ValueError("the circuit does not come to rest")


def _is_on(part: Part, parts: list[Part], volts: Mapping[str, float], opened: Collection[str]) -> bool:
    if part["kind"] == "contact":
        return part["opened_by"] not in opened
    if part["kind"] == "npn":
        return volts[part["control"]] - volts[part["b"]] >= JUNCTION_VOLTS
    if part["kind"] == "pmos":
        return volts[part["a"]] - volts[part["control"]] >= part["on_volts"]
    relay = next(one for one in parts if one["name"] == part["relay"])
    is_pulled = abs(volts[relay["a"]] - volts[relay["b"]]) >= 0.75 * volts[relay["a"]] > 0
    return is_pulled != (part["at_rest"] == "closed")


def _solve(parts: list[Part], held: Mapping[str, float], states: Mapping[str, bool]) -> dict[str, float]:
    nets = sorted({net for part in parts for net in (part["a"], part["b"], part.get("control", part["a"]))})
    free = [net for net in nets if net not in held]
    place = {net: at for at, net in enumerate(free)}
    rows = [[0.0] * (len(free) + 1) for _ in free]
    edges = [(net, "gnd", LEAK_OHMS) for net in free]
    for part in parts:
        if part["kind"] in ("resistor", "relay", "coil"):
            edges.append((part["a"], part["b"], part["ohms"]))
        elif part["kind"] == "fuse" or states.get(part["name"]):
            edges.append((part["a"], part["b"], ON_OHMS))
    for a, b, ohms in edges:
        for one, other in ((a, b), (b, a)):
            if one in place:
                row = rows[place[one]]
                row[place[one]] += 1 / ohms
                if other in place:
                    row[place[other]] -= 1 / ohms
                else:
                    row[-1] += held.get(other, 0.0) / ohms
    return {**{net: held[net] for net in nets if net in held}, "gnd": 0.0,
            **dict(zip(free, _eliminated(rows), strict=True))}  # fmt: skip


def _eliminated(rows: list[list[float]]) -> list[float]:
    """Gauss and Jordan, with the largest pivot."""
    size = len(rows)
    for at in range(size):
        best = max(range(at, size), key=lambda row: abs(rows[row][at]))
        rows[at], rows[best] = rows[best], rows[at]
        scale = rows[at][at]
        rows[at] = [value / scale for value in rows[at]]
        for other in range(size):
            factor = rows[other][at]
            if other != at and factor:
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[at], strict=True)]
    return [row[-1] for row in rows]
