"""A gateway's configuration: one YAML file."""

from tanzaku.gateway.config._config import Config, load_config, parse_config
from tanzaku.gateway.config._secrets import resolve_secret

__all__ = ["Config", "load_config", "parse_config", "resolve_secret"]
