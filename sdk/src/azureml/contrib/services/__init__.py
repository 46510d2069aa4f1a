"""What an entry script imports to see the whole request and to answer with a status and headers of its own."""
