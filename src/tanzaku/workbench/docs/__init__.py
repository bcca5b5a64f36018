"""An API's documentation as a static site and as Markdown, in both languages, without a network."""

from tanzaku.workbench.docs._examples import Example
from tanzaku.workbench.docs._material import load_material
from tanzaku.workbench.docs._site import Material, build_site, write_site

__all__ = ["Example", "Material", "build_site", "load_material", "write_site"]
