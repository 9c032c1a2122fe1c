"""What the user declares: stages, artifacts by name, variants; pure values, no I/O."""

from .references import Options, Reference, Where, call_arguments, function_name, leaves, stage, swap
from .returns import Returns, returns
from .variants import Artifact, File, Input, Pipeline, Stage, announce, bound, pipelines, stages

__all__ = [
    "Artifact",
    "File",
    "Input",
    "Options",
    "Pipeline",
    "Reference",
    "Returns",
    "Stage",
    "Where",
    "announce",
    "bound",
    "call_arguments",
    "function_name",
    "leaves",
    "pipelines",
    "returns",
    "stage",
    "stages",
    "swap",
]
