"""Addresses of public pages, and their QR codes."""

import zxingcpp
from flask import Response, current_app

SVG = "image/svg+xml"
QR_SCALE = 4  # units of the drawing per module of the code


def public_url(page: str, token: str) -> str:
    """Return the address of a public page: `f`: feedback, `q`: a standing QR code, `i`: a one-time code."""
    return f"{current_app.config['PUBLIC_URL']}/{page}/{token}"


def qr_svg(link: str) -> str:
    """Return the link as a QR code in SVG with its quiet zone. Error correction level M survives a crumpled receipt."""
    drawing: str = zxingcpp.create_barcode(link, zxingcpp.BarcodeFormat.QRCode, ec_level="M").to_svg(scale=QR_SCALE)
    return drawing


def qr_response(link: str) -> Response:
    """Return the link as a picture of its QR code."""
    return current_app.response_class(qr_svg(link), mimetype=SVG)
