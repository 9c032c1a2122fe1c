"""What the user declares: stages, artifacts by name, variants; pure values, no I/O."""

from .binding import bound
from .functions import function_name, signature
from .references import Options, Reference, Where, call_arguments, layout, leaves, stage, swap
from .returns import Returns, returns
from .units import Artifact, File, Input, Stage
from .variants import Pipeline, announce, doors, heard, pipelines, stages, unnamed, with_upstream

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
    "layout",
    "leaves",
    "pipelines",
    "returns",
    "signature",
    "stage",
    "stages",
    "swap",
    "unnamed",
    "with_upstream",
]
