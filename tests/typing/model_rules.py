"""Checked, never run: the catalog's models are what validation goes by."""

from tanzaku.catalog import get_model
from tanzaku.wire import ModelRules

model: ModelRules = get_model("claude-haiku-4-5")
