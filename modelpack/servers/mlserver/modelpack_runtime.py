"""The runtime of the user's own: the ``mlserver.MLModel`` that the scoring script defines."""

from __future__ import annotations

import modelpack_user_module
from mlserver import MLModel

Runtime = modelpack_user_module.only_class(modelpack_user_module.load(), MLModel)
