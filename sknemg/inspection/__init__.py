"""Pictures of recordings, of scores, and of what a network learned.

Display classes follow scikit-learn: ``from_estimator`` or ``from_predictions`` compute and draw,
``plot`` draws again, and what was drawn is kept in ``figure_``, ``ax_`` and ``text_``.
``from_estimator`` takes fitted models of any kind: a DiVoteClassifier, a Pipeline, a search, a
CalibratedClassifierCV or soft VotingClassifier, one inside the other; see
:mod:`sknemg.divote.fitted`. Matplotlib is imported when something is drawn; torch, captum and
umap-learn when they are needed.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
