from .explanation import (
    grad_cam as grad_cam,
)
from .known import (
    KNOWN_THRESHOLD as KNOWN_THRESHOLD,
    rate as rate,
    with_known as with_known,
)
from .networks import (
    baseline_cnn as baseline_cnn,
    decode_predictions as decode_predictions,
    freeze_batch_normalization as freeze_batch_normalization,
    resnet50v2 as resnet50v2,
    speed_cnn as speed_cnn,
)
from .shipped import (
    load_model as load_model,
    shipped_threshold as shipped_threshold,
)
