"""What the user declares: stages, artifacts by name, variants; pure values, no I/O."""

from .references import Options, Reference, Where, call_arguments, function_name, leaves, signature, stage, swap
from .returns import Returns, returns
from .variants import Artifact, File, Input, Pipeline, Stage, announce, bound, doors, heard, pipelines, stages

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
    "doors",
    "function_name",
    "heard",
    "leaves",
    "pipelines",
    "returns",
    "signature",
    "stage",
    "stages",
    "swap",
]
