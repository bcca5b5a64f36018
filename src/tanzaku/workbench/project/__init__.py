"""A project of plain files: `tanzaku.yaml`, environments, requests, variables."""

from tanzaku.workbench.project._variables import Scope

__all__ = ["Scope"]
