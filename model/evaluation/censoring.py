"""What a fold's training patients say of censoring, and of survival without any covariate."""

import numpy as np
from lifelines import KaplanMeierFitter
from numpy.typing import NDArray

Array = NDArray[np.float64]


def kaplan_meier(days: Array, event: NDArray[np.bool_], at: Array) -> Array:
    """S at the times `at` (m,) of n patients (Kaplan and Meier 1958, lifelines); its last value holds on."""
    fitted = KaplanMeierFitter().fit(days, event)
    return np.asarray(fitted.survival_function_at_times(at), np.float64)


def inverse_censoring(days: Array, event: NDArray[np.bool_], at: Array) -> Array:
    """1 / G at the times `at`, G the censoring Kaplan-Meier of n patients; 0 where G is 0 (as in torchsurv).

    On one day events come before censorings, so who has an event that day is not at risk of being censored then:
    the later of two neighbouring numbers says so to lifelines, which knows no such order. G includes day `at`.
    """
    later = np.where(event, days, np.nextafter(days, np.inf))
    free = kaplan_meier(later, ~event, np.nextafter(at, np.inf))
    return np.divide(1.0, free, out=np.zeros_like(free), where=free > 1e-12)
