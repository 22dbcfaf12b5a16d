# SPDX-License-Identifier: Apache-2.0
"""Draw the silhouettes that stand for photos on synthetic people's cards: `python scripts/draw_photos.py`.

Nobody's face: an ellipse for a head, hair, shoulders, a plain ground.  Each is drawn as a grey raster (PGM) and packed
as JPEG 2000 by OpenJPEG's `opj_compress` (Debian's libopenjp2-tools).  The results are committed, so nobody needs the
packer to run a country.
"""

import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "src" / "tegata" / "municipality" / "photos"
WIDTH, HEIGHT = 96, 124
LOOKS = ((30, 0.92, 70), (60, 1.30, 55), (20, 1.05, 90), (90, 1.45, 80), (45, 0.85, 60), (75, 1.15, 100))
"""Grey of the hair, how far down it reaches, grey of the clothes."""


def main() -> None:
    """Write every silhouette."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, look in enumerate(LOOKS, 1):
            drawn = Path(folder, "drawn.pgm")
            drawn.write_bytes(b"P5\n%d %d\n255\n" % (WIDTH, HEIGHT) + picture(*look))
            packed = FOLDER / f"silhouette{number}.jp2"
            command = ["opj_compress", "-i", str(drawn), "-o", str(packed), "-r", "12", "-n", "4"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def picture(hair: int, reach: float, clothes: int) -> bytes:
    """Return the dots of one silhouette, row by row."""
    return bytes(dot(x, y, hair, reach, clothes) for y in range(HEIGHT) for x in range(WIDTH))


def dot(x: int, y: int, hair: int, reach: float, clothes: int) -> int:
    """Return the grey of one dot: the topmost shape that covers it."""
    if inside(x, y, 48, 56, 20, 27):
        return 205
    if inside(x, y, 48, 52, 26, 32) and y < 52 * reach:
        return hair
    if inside(x, y, 48, 88, 9, 18):
        return 190
    if inside(x, y, 48, 132, 44, 38):
        return clothes
    return 236


def inside(x: int, y: int, centre_x: int, centre_y: int, wide: int, high: int) -> bool:
    """Say whether a dot lies in an ellipse."""
    return ((x - centre_x) / wide) ** 2 + ((y - centre_y) / high) ** 2 <= 1


if __name__ == "__main__":
    main()
