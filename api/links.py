"""Addresses that customers open, and the QR codes that lead there."""

import zxingcpp
from flask import Response, current_app

SVG = "image/svg+xml"
QR_SCALE = 4  # units of the drawing for one square of a code; it scales to any size


def public_url(page: str, token: str) -> str:
    """The whole address of a public page: `f` asks how it was, `q` lets somebody tell."""
    return f"{current_app.config['PUBLIC_URL']}/{page}/{token}"


def qr_response(link: str) -> Response:
    """The link as a QR code to show or print, with the white margin it needs. Level M survives a crumpled receipt."""
    code = zxingcpp.create_barcode(link, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return current_app.response_class(code.to_svg(scale=QR_SCALE), mimetype=SVG)
