"""API documentation as a static site, Markdown and llms.txt."""
