"""User-given names as labels for Plotly."""

MAX_LABEL_LENGTH = 40


def escape_plotly(name: str) -> str:
    """Escapes a name for Plotly, which interprets some HTML, and %{…} in tooltips."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace("%{", "% {")


def shorten_title(name: str) -> str:
    """Shortens an axis title to its end, which says more than the start in a path such as a/b/c."""
    return escape_plotly(name if len(name) <= MAX_LABEL_LENGTH else f"…{name[1 - MAX_LABEL_LENGTH :]}")
