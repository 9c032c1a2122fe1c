"""The verbs of the `kept` command that are not doit's."""
