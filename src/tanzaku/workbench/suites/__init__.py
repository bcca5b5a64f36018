"""Suites: cases with what each must answer."""
