from .ablation import (
    ABLATION_STEPS as ABLATION_STEPS,
    run_ablation as run_ablation,
)
from .recipes import (
    build_resnet50v2 as build_resnet50v2,
    run_baseline as run_baseline,
    run_resnet50v2 as run_resnet50v2,
    speed_run as speed_run,
)
from .saved import (
    Run as Run,
    load_run as load_run,
    save_results as save_results,
    save_run as save_run,
)
from .settings import (
    Settings as Settings,
    read_settings as read_settings,
)
