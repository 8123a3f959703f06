from .app import (
    open_app as open_app,
)
from .exporting import (
    export as export,
    export_table as export_table,
)
from .predicting import (
    predict as predict,
)
