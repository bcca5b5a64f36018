"""The version, in one place that is cheap to read (`importlib.metadata` costs 20 ms)."""

VERSION = "0.1.0"
