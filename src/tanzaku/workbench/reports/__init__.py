"""What an execution leaves behind: console, JUnit, HTML, JSON, JSONL, Markdown."""
