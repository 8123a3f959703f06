from .audit import (
    audit_images as audit_images,
)
from .datasets import (
    find_test_groups as find_test_groups,
    load_data as load_data,
    load_datasets as load_datasets,
    make_dataset as make_dataset,
)
from .folders import (
    Folder as Folder,
    external_credit as external_credit,
    find_pictures as find_pictures,
    load_folder as load_folder,
)
from .gathering import (
    gather as gather,
)
from .groups import (
    Groups as Groups,
    compute_groups as compute_groups,
    find_groups as find_groups,
)
from .images import (
    Images as Images,
)
from .loading import (
    load_images as load_images,
)
from .phantoms import (
    draw_phantoms as draw_phantoms,
)
from .reading import (
    read_image as read_image,
)
from .shards import (
    check_shards as check_shards,
    read_shards as read_shards,
    write_shards as write_shards,
)
from .similarity import (
    find_originals as find_originals,
    nearest as nearest,
    thumbnails as thumbnails,
    unit_thumbnails as unit_thumbnails,
)
from .splits import (
    Split as Split,
    split_indices as split_indices,
)
