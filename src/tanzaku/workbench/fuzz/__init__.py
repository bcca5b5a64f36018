"""Schemathesis against a service, its findings turned into cases."""
