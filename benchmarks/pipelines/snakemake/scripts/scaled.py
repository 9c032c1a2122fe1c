import numpy as np
from work.scaled import scaled

np.save(snakemake.output[0], scaled(np.load(snakemake.input[0])))
