from .app import (
    open_app as open_app,
)
from .exporting import (
    export as export,
)
from .predicting import (
    predict as predict,
)
