"""Names that people gave, as Plotly is to write them."""

MAX_LABEL_LENGTH = 40


def escape_plotly(name: str) -> str:
    """Plotly reads a little HTML, and %{…} in what stands under the mouse."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")


def shorten_title(name: str) -> str:
    """For the title of an axis: the end of a path such as a/b/c says more than its beginning."""
    return escape_plotly(name if len(name) <= MAX_LABEL_LENGTH else f"…{name[1 - MAX_LABEL_LENGTH :]}")
