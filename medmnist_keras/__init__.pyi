# What importing the package offers, and where it lies: `__init__.py` reads this file, and so do
# type checkers and editors. A name is imported when it is first used.

from . import (
    augmentation as augmentation,
    data as data,
    evaluation as evaluation,
    experiments as experiments,
    inference as inference,
    models as models,
    plots as plots,
    training as training,
)
from .augmentation.pipelines import (
    augment as augment,
    augment_robust as augment_robust,
)
from .data.datasets import (
    load_data as load_data,
    load_datasets as load_datasets,
    make_dataset as make_dataset,
)
from .data.folders import (
    load_folder as load_folder,
)
from .data.groups import (
    find_groups as find_groups,
)
from .data.loading import (
    load_images as load_images,
)
from .data.reading import (
    read_image as read_image,
)
from .data.splits import (
    split_indices as split_indices,
)
from .evaluation.baselines import (
    trivial_probabilities as trivial_probabilities,
)
from .evaluation.metrics import (
    class_report as class_report,
    evaluate as evaluate,
)
from .experiments.settings import (
    read_settings as read_settings,
)
from .inference.exporting import (
    export as export,
)
from .inference.predicting import (
    predict as predict,
)
from .info import (
    CLASS_NAMES as CLASS_NAMES,
    INFO as INFO,
)
from .models.explanation import (
    grad_cam as grad_cam,
)
from .models.networks import (
    baseline_cnn as baseline_cnn,
    decode_predictions as decode_predictions,
    resnet50v2 as resnet50v2,
)
from .models.shipped import (
    load_model as load_model,
)
from .training.fine_tuning import (
    fine_tune as fine_tune,
)
from .training.fitting import (
    train as train,
)

__version__: str
