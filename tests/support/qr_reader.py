"""Reader of QR codes from the picture, as a phone reads them."""

import re

import zxingcpp

# One dark run of modules in a row: where it begins, how wide and how high it is.
DARK_RUN = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+Z")


def read_qr_code(svg: str) -> str:
    """Return the text in the code; AssertionError where there is none."""
    width, height = (int(side) for side in re.findall(r'<svg width="(\d+)" height="(\d+)"', svg)[0])
    picture = bytearray(b"\xff" * width * height)
    for left, top, wide, high in (map(int, stretch) for stretch in DARK_RUN.findall(svg)):
        for row in range(top, top + high):
            picture[row * width + left : row * width + left + wide] = bytes(wide)
    barcode = zxingcpp.read_barcode(memoryview(picture).cast("B", shape=[height, width]))
    assert barcode is not None, "nobody could read this code"
    return str(barcode.text)
