"""Makes the index of what belongs together, from the real pictures; it ships with the package:
`make index`."""

from medmnist_keras import load_images
from medmnist_keras.data.groups import INDEX_FILE, index_of, write_index

if __name__ == "__main__":
    write_index(index_of(load_images(strict=True)), INDEX_FILE)
    print(INDEX_FILE)
