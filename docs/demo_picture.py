"""Make docs/_static/demo.png of the results of `sknemg demo`: `make picture` runs both."""

import argparse
import json
from pathlib import Path

from PIL import Image, PngImagePlugin

TARGET = Path(__file__).parent / "_static" / "demo.png"
WIDTH = 1200  # pixels
COLORS = 128  # fewer, and two classes take one color
LIMIT = 100_000  # bytes: the picture is loaded with every page that shows the README


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the folder that the demo has written")
    results = parser.parse_args().results
    settings = json.loads((results / "settings.json").read_text())
    origin = PngImagePlugin.PngInfo()
    origin.add_text("Source", "SIMULATED patients, by the command sknemg demo")
    for name in ("n_subjects", "random_state", "commit", "device", "versions"):
        origin.add_text(name, json.dumps(settings[name]))
    with Image.open(results / "comparison.png") as picture:
        size = WIDTH, round(picture.height * WIDTH / picture.width)
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    small.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        TARGET, optimize=True, pnginfo=origin
    )
    n_bytes = TARGET.stat().st_size
    print(f"{TARGET}: {size[0]} x {size[1]} pixels, {n_bytes / 1000:.0f} kB")
    if n_bytes > LIMIT:
        raise SystemExit(f"{TARGET} must have at most {LIMIT} bytes: use a smaller WIDTH.")


if __name__ == "__main__":
    main()
