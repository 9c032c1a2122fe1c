import numpy as np
from work.descended import weights

np.save(snakemake.output[0], weights(np.load(snakemake.input[0]), snakemake.params.ridge))
