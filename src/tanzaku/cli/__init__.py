"""The command line: one module a noun, heavy imports inside the command."""
