"""MicroPython's cryptolib for CPython: ``aes(key, 1)`` is ECB, ``aes(key, 2, iv)`` is CBC with state."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


class aes:  # noqa: N801  MicroPython's own name
    """Encrypts or decrypts whole blocks; the first call settles which, as on the board."""

    def __init__(self, key, mode, iv=None):
        if mode not in (1, 2):
            raise ValueError("mode")
        self._cipher = Cipher(algorithms.AES(bytes(key)), modes.ECB() if mode == 1 else modes.CBC(bytes(iv)))
        self._context = None
        self._direction = None

    def encrypt(self, data, out=None):
        return self._run("encryptor", data, out)

    def decrypt(self, data, out=None):
        return self._run("decryptor", data, out)

    def _run(self, direction, data, out):
        if len(data) % 16:
            raise ValueError("blksize % 16")
        if self._direction not in (None, direction):
            raise ValueError("can't encrypt & decrypt")
        if self._context is None:
            self._direction = direction
            self._context = getattr(self._cipher, direction)()
        result = self._context.update(bytes(data))
        if out is None:
            return result
        out[: len(result)] = result
        return out
