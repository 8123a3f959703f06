"""The notebook of `make lite` in a real browser, which reaches nothing but this machine."""

import json

import pytest

from tools.lite import make

pytestmark = pytest.mark.slow

JUPYTER = make.ROOT / "build" / "lite-tools" / "bin" / "jupyter"
LONG = 180_000  # milliseconds; Python and NumPy come as WebAssembly


@pytest.fixture(scope="module")
def wheel():
    wheels = list((make.ROOT / "build" / "dist").glob("*.whl"))
    if not JUPYTER.exists() or not wheels:
        pytest.skip("Run `make wheel build/lite-tools/ready` first.")
    return wheels[0]


@pytest.fixture
def opened(page, tmp_path, wheel, request, serve):
    """The notebook in a page, with these packages; its last cell says that all went well."""
    try:
        make.make_lite(tmp_path / "lite", wheel, JUPYTER, request.param)
    except OSError as error:
        pytest.skip(f"no packages for the browser: {error}")
    stored = tmp_path / "lite" / "files" / "explore_the_data.ipynb"
    notebook = json.loads(stored.read_text(encoding="utf-8"))
    source = "import medmnist_keras, sys\nprint(sys.platform, medmnist_keras.__version__)"
    last = {"cell_type": "code", "id": "last", "metadata": {}, "source": source}
    last |= {"execution_count": None, "outputs": []}
    # What can't run without NumPy is left out where there is none.
    notebook["cells"] = [*(notebook["cells"] if request.param else []), last]
    stored.write_text(json.dumps(notebook), encoding="utf-8")
    page.goto(f"{serve(tmp_path)}/lite/")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=LONG)
    yield page
    assert page.outside == []


def run_all(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    printed = page.locator(".jp-Notebook .jp-CodeCell").last.locator(".jp-OutputArea-output")
    printed.first.wait_for(timeout=LONG)
    errors = page.locator(
        '[data-mime-type="application/vnd.jupyter.stderr"], .jp-RenderedText.error'
    )
    assert errors.all_inner_texts() == []
    return printed.first.inner_text()


@pytest.mark.parametrize("opened", [()], ids=["python"], indirect=True)
def test_python_starts_with_the_package(opened):
    assert run_all(opened).startswith("emscripten")


@pytest.mark.parametrize("opened", [make.CHAPTER], ids=["chapter"], indirect=True)
def test_the_chapter_runs_to_its_end(opened):
    assert run_all(opened).startswith("emscripten")
    assert opened.locator(".jp-OutputArea-output img").count() == 7
