"""Tanzaku: the workbench for engineers who ship software on Claude Haiku 4.5."""
