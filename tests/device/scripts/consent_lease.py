"""The lease: nothing that was hoarded, altered or late gives one, it ends with its time, and the host is
asked often enough. Planted bugs must be caught by the same checks."""

from altgate.consent import lease
from protocol import limits

A, B, C = b"a" * 32, b"b" * 32, b"c" * 32


def nonce(number):
    return number.to_bytes(16, "big")


class FromTheAnswer(lease.Lease):
    """Counts from the answer's arrival."""

    def answer(self, nonce, consents, in_force, now_s):
        good = super().answer(nonce, consents, in_force, now_s)
        if good:
            self._since_s = now_s
        return good


class AnyNonce(lease.Lease):
    """Takes an answer to a question that was not asked."""

    def answer(self, nonce, consents, in_force, now_s):
        return super().answer(self._asked[0] if self._asked else nonce, consents, in_force, now_s)


class Again(lease.Lease):
    """Takes an answer a second time."""

    def answer(self, nonce, consents, in_force, now_s):
        asked = self._asked
        good = super().answer(nonce, consents, in_force, now_s)
        self._asked = asked
        return good


class AnyConsents(lease.Lease):
    """Does not compare what the answer is for."""

    def answer(self, nonce, consents, in_force, now_s):
        asked = self._asked
        return asked is not None and super().answer(nonce, asked[1], asked[1], now_s)


class Endless(lease.Lease):
    """Waits for ever for an answer."""

    def answer(self, nonce, consents, in_force, now_s):
        return super().answer(nonce, consents, in_force, self._asked[2] if self._asked else now_s)


class Silent(lease.Lease):
    """Asks only once there is no lease any more."""

    def is_due(self, now_s):
        return self.left_s(now_s) == 0 and super().is_due(now_s)


class Hasty(lease.Lease):
    """Asks at every look."""

    def is_due(self, now_s):
        return self.left_s(now_s) <= self._seconds() // 2


def answers(kind):
    held = kind(lambda: 1000)
    assert held.left_s(5) == 0
    # Unasked, and while there is no question.
    assert not held.answer(nonce(1), A, A, 10) and not held.answer(None, A, A, 10)
    held.ask(nonce(1), A, 100)
    for bad in ((nonce(2), A, A), (nonce(1)[:15], A, A), (b"", A, A), (nonce(1), B, A), (nonce(1), A, B),
                (nonce(1), B, B), (nonce(1), b"", A), (nonce(1), None, A)):
        assert not held.answer(bad[0], bad[1], bad[2], 101), bad
        assert held.left_s(101) == 0
    assert held.answer(nonce(1), A, A, 103)
    # It counts from the question, and an answer is good once.
    assert held.left_s(103) == 997
    assert not held.answer(nonce(1), A, A, 104) and held.left_s(104) == 996
    assert held.left_s(1099) == 1 and held.left_s(1100) == held.left_s(1101) == held.left_s(10**6) == 0


def late(kind):
    held = kind(lambda: 86400)
    held.ask(nonce(1), A, 100)
    assert not held.answer(nonce(1), A, A, 100 + limits.LEASE_NONCE_S + 1) and held.left_s(161) == 0
    held.ask(nonce(2), A, 200)
    assert held.answer(nonce(2), A, A, 200 + limits.LEASE_NONCE_S)
    assert held.left_s(200) == 86400


def hoarded(kind):
    """Somebody between door and host keeps every answer and hands them out one by one, for days."""
    held = kind(lambda: 86400)
    kept = []
    for hour in range(48):
        now_s = hour * 3600
        held.ask(nonce(hour), A, now_s)
        kept.append((nonce(hour), A, now_s))
    now_s = 48 * 3600
    for old in reversed(kept):
        assert not held.answer(old[0], old[1], A, now_s) and held.left_s(now_s) == 0
    # One that is handed over in time gives no more than it would have at once.
    held.ask(nonce(99), A, now_s)
    assert held.answer(nonce(99), A, A, now_s + 59)
    end_s = now_s + 86400
    for old in kept + [(nonce(99), A, 0)]:
        assert not held.answer(old[0], old[1], A, end_s - 10)
    assert held.left_s(end_s - 1) == 1 and held.left_s(end_s) == 0
    # A question that is no longer the newest, and one from before a change, are not answered any more.
    held.ask(nonce(100), A, end_s)
    held.ask(nonce(101), A, end_s)
    assert not held.answer(nonce(100), A, A, end_s)
    held.ask_soon()
    assert not held.answer(nonce(101), A, A, end_s) and held.left_s(end_s) == 0


def intervals(kind):
    """A host that answers keeps the lease alive; one that does not is asked often, but not all the time."""
    for seconds in (limits.LEASE_S_MIN, 60, 600, 3600, limits.LEASE_S_MAX):
        for delay_s in (0, 1, 2):
            held = kind(lambda: seconds)
            questions, due, lapsed = 0, None, 0
            for now_s in range(0, 4 * seconds, max(1, seconds // 2000)):
                if due is not None and now_s >= due[1]:
                    held.answer(due[0], A, A, now_s)
                    due = None
                if held.is_due(now_s):
                    questions += 1
                    held.ask(nonce(questions), A, now_s)
                    due = (nonce(questions), now_s + delay_s)
                if now_s > seconds:
                    lapsed += held.left_s(now_s) == 0
            assert lapsed == 0, (seconds, delay_s, lapsed)
            assert questions <= 8 * 2 + 4, (seconds, delay_s, questions)
        silent = kind(lambda: seconds)
        asked = []
        for now_s in range(600):
            if silent.is_due(now_s):
                silent.ask(nonce(now_s), A, now_s)
                asked.append(now_s)
        gaps = [b - a for a, b in zip(asked, asked[1:])]
        assert asked[0] == 0 and min(gaps) >= 2 and max(gaps) <= 30, (seconds, gaps)
    # Whoever has just come back, or has just changed, does not wait where there is no lease.
    held = kind(lambda: 86400)
    held.ask(nonce(1), A, 0)
    assert not held.is_due(1)
    held.ask_soon()
    assert held.is_due(1)


def setting():
    """A shorter lease counts at once, for one that runs as well."""
    seconds = [86400]
    held = lease.Lease(lambda: seconds[0])
    held.ask(nonce(1), A, 0)
    assert held.answer(nonce(1), A, A, 0) and held.left_s(100) == 86300
    seconds[0] = 60
    assert held.left_s(59) == 1 and held.left_s(100) == 0 and held.is_due(100)


def must_fail(check, kind):
    try:
        check(kind)
    except AssertionError:
        return
    raise RuntimeError("the planted bug was not caught: %s" % kind)


for check in (answers, late, hoarded, intervals):
    check(lease.Lease)
setting()
must_fail(answers, FromTheAnswer)
must_fail(answers, AnyNonce)
must_fail(answers, Again)
must_fail(answers, AnyConsents)
must_fail(late, Endless)
must_fail(hoarded, Endless)
must_fail(intervals, Silent)
must_fail(intervals, Hasty)
print("ok")
