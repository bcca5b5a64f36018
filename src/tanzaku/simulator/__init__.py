"""Answering as Claude would."""
