"""What Medical MNIST is: names, counts, origin, licence, checksums. Data only."""

from __future__ import annotations

from typing import Any

IMAGE_SIZE = 64  # pixels a side
CLASS_NAMES = ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")
INFO: dict[str, Any] = {
    "name": "Medical MNIST (MedNIST)",
    "description": "58,954 grey 64x64 pictures of six kinds: which kind is this one?",
    "class_names": CLASS_NAMES,
    "counts": {
        "AbdomenCT": 10_000,
        "BreastMRI": 8_954,
        "CXR": 10_000,
        "ChestCT": 10_000,
        "Hand": 10_000,
        "HeadCT": 10_000,
    },
    "image_size": IMAGE_SIZE,
    "credit": "Medical MNIST, Dr. Bradley J. Erickson (Mayo Clinic), CC BY-SA 4.0",
    "author": "Dr. Bradley J. Erickson, Department of Radiology, Mayo Clinic",
    "origins": (
        "TCIA, The Cancer Imaging Archive (https://www.cancerimagingarchive.net)",
        "RSNA Pediatric Bone Age Challenge (https://doi.org/10.1148/radiol.2018180736)",
        "NIH Chest X-ray (https://doi.org/10.1109/CVPR.2017.369)",
    ),
    "license": "CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/)",
    # MONAI's release; it holds a README beside the six folders.
    "url": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/MedNIST.tar.gz",
    "archive": "MedNIST.tar.gz",
    "md5": "0bc7306e7427e00ad1c5526a6677552d",
    "sha256": "f2f4881ff8799a170b10a403495f0ce0ad7486491901cde67a647e6627e7f916",
    # The same however the pictures are packed: see sources.content_fingerprint().
    "fingerprint": "52af2aa66d0f3a23bab41249f4321feed1ab7cc3acd8165ef8b5acde5dce70eb",
}
# What others report on this data set, as published; nothing here was measured by us.
PUBLISHED: tuple[dict[str, Any], ...] = (
    {
        "model": "DenseNet121 (MONAI mednist_tutorial)",
        "errors": None,
        "images": None,
        "accuracy": 0.9951,
        "remark": "4 epochs",
        "source": "https://github.com/Project-MONAI/tutorials",
    },
    {
        "model": "2 convolutions (NVIDIA DLI / Mayo notebook)",
        "errors": 31,
        "images": 5_740,
        "accuracy": 0.9946,
        "remark": "",
        "source": "NVIDIA Deep Learning Institute",
    },
    {
        "model": "DenseNet121 (RSNA deep learning lab 2023)",
        "errors": None,
        "images": None,
        "accuracy": 0.9841,
        "remark": "2 epochs",
        "source": "RSNA 2023",
    },
    {
        "model": "3 convolutions (Namitha-Narayanan-AI)",
        "errors": 5,
        "images": 8_844,
        "accuracy": 0.9994,
        "remark": "the best with a test set of its own",
        "source": "https://github.com/Namitha-Narayanan-AI/monai-mednist-baseline",
    },
    {
        "model": "3 convolutions (MahdiALAMP)",
        "errors": 3,
        "images": 11_790,
        "accuracy": 0.9997,
        "remark": "training was stopped on these same pictures",
        "source": "https://github.com/MahdiALAMP/medical-mnist-6class",
    },
    {
        "model": "attention and residual CNN (ARN-CNN)",
        "errors": None,
        "images": None,
        "accuracy": 0.9996,
        "remark": "we could not read how it was split",
        "source": "https://doi.org/10.22037/jds.v42i1.45245",
    },
)
