# What importing the package offers, and where it lies: `__init__.py` reads this file, and so do
# type checkers and editors. A name is imported when it is first used.

from . import (
    app as app,
    benchmark as benchmark,
    data as data,
    distributed as distributed,
    environment as environment,
    evaluation as evaluation,
    explain as explain,
    exporting as exporting,
    external as external,
    foreign as foreign,
    groups as groups,
    hardware as hardware,
    info as info,
    models as models,
    phantoms as phantoms,
    plots as plots,
    predicting as predicting,
    reading as reading,
    refusal as refusal,
    runs as runs,
    settings as settings,
    shards as shards,
    shipping as shipping,
    sources as sources,
    splits as splits,
    stress as stress,
    training as training,
    trivial as trivial,
)
from .app import (
    open_app as open_app,
)
from .audit import (
    audit as audit,
    find_originals as find_originals,
    nearest as nearest,
    thumbnails as thumbnails,
    unit_thumbnails as unit_thumbnails,
)
from .augment import (
    ROBUST_LAYERS as ROBUST_LAYERS,
    augment as augment,
    augment_robust as augment_robust,
    render_elsewhere as render_elsewhere,
    with_phantoms as with_phantoms,
    with_renderings as with_renderings,
)
from .bodies import (
    with_bodies as with_bodies,
)
from .data import (
    load_data as load_data,
    load_datasets as load_datasets,
    make_dataset as make_dataset,
)
from .distributed import (
    join as join,
)
from .environment import (
    check_environment as check_environment,
)
from .evaluation import (
    calibration_bins as calibration_bins,
    class_report as class_report,
    evaluate as evaluate,
    mcnemar_test as mcnemar_test,
    most_confident_errors as most_confident_errors,
)
from .explain import (
    grad_cam as grad_cam,
)
from .exporting import (
    export as export,
    export_table as export_table,
)
from .external import (
    external_report as external_report,
    load_elsewhere as load_elsewhere,
    load_folder as load_folder,
)
from .foreign import (
    FOREIGN as FOREIGN,
    load_foreign as load_foreign,
)
from .groups import (
    compute_groups as compute_groups,
    find_groups as find_groups,
)
from .hardware import (
    accelerated as accelerated,
)
from .info import (
    CLASS_NAMES as CLASS_NAMES,
    INFO as INFO,
    PUBLISHED as PUBLISHED,
)
from .models import (
    baseline_cnn as baseline_cnn,
    decode_predictions as decode_predictions,
    freeze_batch_normalization as freeze_batch_normalization,
    resnet50v2 as resnet50v2,
    speed_cnn as speed_cnn,
)
from .predicting import (
    load_model as load_model,
    predict as predict,
)
from .reading import (
    find_pictures as find_pictures,
    read_image as read_image,
)
from .refusal import (
    apply_temperature as apply_temperature,
    confidence as confidence,
    fit_temperature as fit_temperature,
    refusal_table as refusal_table,
    refusal_threshold as refusal_threshold,
    shipped_threshold as shipped_threshold,
)
from .runs import (
    build_resnet50v2 as build_resnet50v2,
    keep_results as keep_results,
    keep_run as keep_run,
    load_run as load_run,
    run_ablation as run_ablation,
    run_baseline as run_baseline,
    run_resnet50v2 as run_resnet50v2,
    speed_run as speed_run,
)
from .settings import (
    Settings as Settings,
    read_settings as read_settings,
)
from .shards import (
    check_shards as check_shards,
    read_shards as read_shards,
    write_shards as write_shards,
)
from .sources import (
    load_images as load_images,
)
from .splits import (
    split_indices as split_indices,
)
from .stress import (
    CORRUPTIONS as CORRUPTIONS,
    corrupt as corrupt,
    corruption_samples as corruption_samples,
    stress_test as stress_test,
)
from .training import (
    fine_tune as fine_tune,
    train as train,
)
from .trivial import (
    trivial_probabilities as trivial_probabilities,
)

__version__: str
