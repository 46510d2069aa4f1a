"""Access to the whole request, and custom responses."""
