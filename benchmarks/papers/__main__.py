"""All studies of a cohort, one after the other: ``python -m benchmarks.papers --profile cpu``."""

from benchmarks.machinery.runner import arguments, run
from benchmarks.papers import (
    alternatives,
    learning_curve,
    protocols,
    readers_s2,
    subject_features,
    table_4,
    table_5,
)

STUDIES = [subject_features, protocols, table_4, alternatives, readers_s2, learning_curve, table_5]


def main() -> None:
    """Run the studies."""
    args = arguments(__doc__)
    for module in STUDIES:
        print(module.STUDY.name, flush=True)
        run(module.STUDY, args.profile, args.cohort, args.cache, args.jobs, args.out)


if __name__ == "__main__":
    main()
