"""The work of the compared pipelines: five stages on numpy arrays that know nothing of any tool."""
