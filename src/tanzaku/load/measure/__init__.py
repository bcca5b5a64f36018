"""What is measured: one sample an exchange, windows of a second that merge by addition."""

from tanzaku.load.measure._sample import ErrorClass, Sample, Tokens

__all__ = ["ErrorClass", "Sample", "Tokens"]
