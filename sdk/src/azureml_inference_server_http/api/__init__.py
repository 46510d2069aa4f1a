"""The whole request and an answer of one's own."""
