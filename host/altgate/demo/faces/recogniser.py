"""From a picture to a vector as a Sipeed MF1 would send it: find the face, set it upright, compress it.

Needs numpy and ai-edge-litert (``altgate[faces]``); nothing else in altgate imports this module on its way
up. The network's 128 values are scaled to a length of 320 and rounded to int8; the MF1's vector carries 196
values, and the 68 that the network does not have are zeros, which changes no cosine.
"""

import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

from altgate.demo.faces.archives import NETWORKS, FacesUnavailable
from altgate.demo.faces.photos import LENGTH
from altgate.demo.faces.pictures import Grey

# Optional packages, without wheels for some machines: types and style are checked without them too.
np: Any = import_module("numpy")
Interpreter: Any = import_module("ai_edge_litert.interpreter").Interpreter
Array = Any
FOLDER = "facelib/facerec"
DETECTOR = "face_detection/data/mobilenet_ssd_v2_320x320_open_image_v4_int8.tflite"
LANDMARKS = "landmark_detection/data/mobilenet_fp32.tflite"
FEATURES = "feature_extraction/data/mobilenet_fp32.tflite"
DETECTOR_SIZE, LANDMARKS_SIZE, FEATURES_SIZE = 320, 96, 112
MARGIN = 1.5  # side of the detector's black canvas, in longer sides of the picture
SURE = 0.9  # the detector's score: at least 0.98 for every ORL photo, 0.83 for half a face
NORM = 320.0  # no value of an ORL vector gets beyond 119
# Eyes, nose and corners of the mouth in a 112 x 112 picture, x + iy: ArcFace, face_preprocess.py.
UPRIGHT = np.array(
    [38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j]
)


class Recogniser:
    """The three networks of the archive in ``cache``; for one thread. One picture takes about 50 ms.

    Raises FacesUnavailable where the archive is missing or broken.
    """

    def __init__(self, cache: Path) -> None:
        if not NETWORKS.is_whole(cache):
            raise FacesUnavailable(f"There are no networks in {cache}: have the faces fetched first.")
        with zipfile.ZipFile(cache / NETWORKS.file) as wheel:
            self._detector = _Network(wheel.read(f"{FOLDER}/{DETECTOR}"))
            self._landmarks = _Network(wheel.read(f"{FOLDER}/{LANDMARKS}"))
            self._features = _Network(wheel.read(f"{FOLDER}/{FEATURES}"))

    def vector(self, picture: Grey) -> bytes | None:
        """196 x int8 of the clearest face; None where no face is clear enough."""
        pixels = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height, picture.width)
        box = self._find(pixels)
        if box is None:
            return None
        upright = _turned(pixels, self._five_points(pixels, box))
        values = self._features(_batch(upright))[0][0]
        scaled = np.rint(values * (NORM / np.linalg.norm(values))).clip(-127, 127).astype(np.int8)
        return bytes(scaled.tobytes()) + bytes(LENGTH - len(scaled))

    def _find(self, pixels: Array) -> tuple[float, float, float, float] | None:
        """The clearest face as left, top, width and height in pixels."""
        height, width = pixels.shape
        side = int(MARGIN * max(height, width))
        left, top = (side - width) // 2, (side - height) // 2
        canvas = np.zeros((side, side), np.uint8)
        canvas[top : top + height, left : left + width] = pixels
        small = _cut(canvas, (0, 0, side, side), DETECTOR_SIZE)
        boxes, _kinds, scores, count = self._detector(_batch(np.rint(small)).astype(np.uint8))
        # With a count of 0, boxes and scores are those of the call before.
        if count[0] < 1 or scores[0][0] < SURE:
            return None
        y0, x0, y1, x1 = (float(edge) * side for edge in boxes[0][0])
        return x0 - left, y0 - top, x1 - x0, y1 - y0

    def _five_points(self, pixels: Array, box: tuple[float, float, float, float]) -> Array:
        """Eyes, nose and corners of the mouth as x + iy in pixels."""
        left, top, width, height = box
        seen = (_cut(pixels, box, LANDMARKS_SIZE) - 127.5) / 128
        y, x = self._landmarks(_batch(seen))[0].reshape(5, 2).T
        return left + x * width + 1j * (top + y * height)


class _Network:
    """A TFLite network on one processor core: arrays out, in the file's order."""

    def __init__(self, content: bytes) -> None:
        self._net = Interpreter(model_content=content, num_threads=1)
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in self._net.get_output_details()]

    def __call__(self, batch: Array) -> list[Array]:
        self._net.set_tensor(self._input, batch)
        self._net.invoke()
        return [self._net.get_tensor(output) for output in self._outputs]


def _batch(grey: Array) -> Array:
    """One grey picture as a batch of one in three equal colours."""
    return np.repeat(grey[None, :, :, None], 3, axis=3).astype(np.float32)


def _cut(pixels: Array, box: tuple[float, float, float, float], size: int) -> Array:
    """The content of a box, scaled to ``size`` x ``size``."""
    left, top, width, height = box
    steps = (np.arange(size) + 0.5) / size
    x, y = np.meshgrid(left + steps * width - 0.5, top + steps * height - 0.5)
    return _sampled(pixels, x, y)


def _turned(pixels: Array, points: Array) -> Array:
    """The face moved, turned and scaled so that its five points fall where the network expects them."""
    # A similarity is one complex factor and one complex offset; least squares gives both.
    spread = UPRIGHT - UPRIGHT.mean()
    factor = np.vdot(spread, points - points.mean()) / np.vdot(spread, spread)
    x, y = np.meshgrid(np.arange(FEATURES_SIZE), np.arange(FEATURES_SIZE))
    source = points.mean() + factor * (x + 1j * y - UPRIGHT.mean())
    return _sampled(pixels, source.real, source.imag)


def _sampled(pixels: Array, x: Array, y: Array) -> Array:
    """Values between pixels, bilinear; beyond the edge, the edge goes on."""
    height, width = pixels.shape
    x, y = x.clip(0, width - 1), y.clip(0, height - 1)
    left, top = x.astype(int), y.astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    upper = pixels[top, left] * (1 - (x - left)) + pixels[top, right] * (x - left)
    lower = pixels[bottom, left] * (1 - (x - left)) + pixels[bottom, right] * (x - left)
    return upper * (1 - (y - top)) + lower * (y - top)
