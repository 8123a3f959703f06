from .baselines import (
    trivial_probabilities as trivial_probabilities,
)
from .calibration import (
    apply_temperature as apply_temperature,
    calibration_bins as calibration_bins,
    expected_calibration_error as expected_calibration_error,
    fit_temperature as fit_temperature,
)
from .corruptions import (
    CORRUPTIONS as CORRUPTIONS,
    corrupt as corrupt,
    robustness_curve as robustness_curve,
)
from .external import (
    ExternalReport as ExternalReport,
    external_report as external_report,
)
from .intervals import (
    balanced_accuracy_interval as balanced_accuracy_interval,
    design_effects as design_effects,
    wilson_interval as wilson_interval,
)
from .metrics import (
    class_report as class_report,
    evaluate as evaluate,
    mcnemar_test as mcnemar_test,
    most_confident_errors as most_confident_errors,
)
from .ood_scores import (
    compare_scores as compare_scores,
    open_set_scores as open_set_scores,
)
from .ood_sets import (
    OOD_SETS as OOD_SETS,
    load_ood_sets as load_ood_sets,
)
from .open_set import (
    Known as Known,
    augrc as augrc,
    conformal_sets as conformal_sets,
    fit_known as fit_known,
    known_probability as known_probability,
    open_set_table as open_set_table,
    risk_coverage as risk_coverage,
)
from .shift import (
    load_shifted as load_shifted,
)
