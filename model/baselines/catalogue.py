"""The baselines by the names that `oncostream evaluate --model` takes."""

from model.baselines.cox import cox, coxnet, single
from model.baselines.forest import survival_forest
from model.baselines.late_fusion import late_fusion
from model.baselines.mlp import concat_mlp
from model.baselines.stacked import stacked_cox
from model.evaluation.fold import Contender
from schemas.errors import Reason, Refused

BASELINES: dict[str, Contender] = {
    "cox": cox,
    "coxnet": coxnet,
    "rsf": survival_forest,
    "stacked-cox": stacked_cox,
    "late-fusion": late_fusion,
    "concat-mlp": concat_mlp,
}
SINGLE = "single:"
"""What stands before the name of a block, in the name of the baseline that sees it alone."""


def contender(name: str) -> Contender:
    """The baseline of that name, or `single:` and a block's; Refused, with the names there are, for any other.

    Whether a cohort has the block is known only with a fold: then a single: of another block refuses.
    """
    block = name.removeprefix(SINGLE)
    if block != name and block:
        return single(block)
    if name not in BASELINES:
        names = ", ".join((*BASELINES, f"{SINGLE}<block>"))
        raise Refused(Reason.UNSUPPORTED, f"no baseline {name!r}; there are {names}")
    return BASELINES[name]
