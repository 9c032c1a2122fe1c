import numpy as np
from work.features import features

np.save(snakemake.output[0], features(np.load(snakemake.input[0])))
