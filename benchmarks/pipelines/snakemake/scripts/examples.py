import numpy as np
from work.examples import examples

np.save(snakemake.output[0], examples(snakemake.input[0]))
