"""``python -m splunk_app.knowledge`` writes the files that are rendered from the table."""

from splunk_app.knowledge.render import write

if __name__ == "__main__":
    write()
