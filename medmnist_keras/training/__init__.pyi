from .distributed import (
    initialize_job as initialize_job,
)
from .fine_tuning import (
    FineTuning as FineTuning,
    fine_tune as fine_tune,
)
from .fitting import (
    train as train,
)
from .hardware import (
    accelerated as accelerated,
    hardware_line as hardware_line,
    list_gpus as list_gpus,
)
