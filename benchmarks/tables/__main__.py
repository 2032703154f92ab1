"""Run every study of a cohort, one after the other: ``python benchmarks/tables --profile cpu``."""

import alternatives
import learning_curve
import protocols
import readers_s2
import subject_features
import table_4
import table_5
from runner import arguments, run

STUDIES = [subject_features, protocols, table_4, alternatives, readers_s2, learning_curve, table_5]

args = arguments(__doc__)
for module in STUDIES:
    print(module.STUDY.name, flush=True)
    run(module.STUDY, args.profile, args.cohort, args.cache, args.jobs, args.out)
