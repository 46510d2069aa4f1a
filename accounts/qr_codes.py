"""QR codes as an SVG path for templates."""


def draw_qr_code(text: str) -> dict:
    """Return the number of modules in a row with the quiet zone, and the path of the dark ones."""
    # Memory: nearly 1 MB in each process, for a page that a person opens once.
    import qrcode

    code = qrcode.QRCode(border=4, error_correction=qrcode.ERROR_CORRECT_M)
    code.add_data(text)
    rows = code.get_matrix()
    dark = [f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark]
    return {"size": len(rows), "path": "".join(dark)}
