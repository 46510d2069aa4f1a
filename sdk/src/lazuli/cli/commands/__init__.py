"""One module for each group of commands; its name is the command."""
