import json

import numpy as np
from work.error import error

made = error(np.load(snakemake.input[0]), np.load(snakemake.input[1]))
with open(snakemake.output[0], "w") as file:
    json.dump(made, file)
