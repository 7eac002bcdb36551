"""What a channel hands over: somebody says they may enter, and this is what they showed."""

from collections import namedtuple

from protocol import messages, reasons

# method: messages.METHOD_*; type and tag: how to find the credential (tag None where there is none);
# unit: the unit number typed with a PIN, else 0; fault: why the proof itself failed, else reasons.NONE;
# pass_: what altgate.crypto.passes read from a QR pass, else None.
Claim = namedtuple("Claim", ("method", "type", "tag", "unit", "fault", "pass_"))


def failed(method, reason):
    """A claim whose proof failed before any credential was looked up."""
    return Claim(method, 0, None, 0, reason, None)


def by_tag(method, type_, tag, unit=0):
    """A claim that names a credential by its type and keyed tag."""
    return Claim(method, type_, tag, unit, reasons.NONE, None)


def by_pass(pass_):
    """A claim by a QR pass whose tag for this door was found genuine."""
    return Claim(messages.METHOD_QR, 0, None, 0, reasons.NONE, pass_)
