"""The web page on stock web servers, with the types that they give to files."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from test_web_in_browser import folder as folder  # the page, made once for this file

NGINX = """
daemon off;
master_process off;
pid {place}/pid;
error_log stderr;
events {{}}
http {{
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log off;
  client_body_temp_path {place}/1;
  proxy_temp_path {place}/2;
  fastcgi_temp_path {place}/3;
  uwsgi_temp_path {place}/4;
  scgi_temp_path {place}/5;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""
APACHE = """
ServerRoot {place}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {place}/pid
DefaultRuntimeDir {place}
ErrorLog /dev/stderr
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
TypesConfig /etc/mime.types
DirectoryIndex index.html
DocumentRoot {root}
<Directory {root}>
  Require all granted
</Directory>
"""

PLACES = "/usr/sbin:/usr/bin"


def command(server, place, port, root):
    if server == "python":
        return [sys.executable, "-m", "http.server", str(port), "--directory", str(root)]
    program = shutil.which({"nginx": "nginx", "apache": "apache2"}[server], path=PLACES)
    if program is None:
        pytest.skip(f"{server} is not installed")
    settings = {"nginx": NGINX, "apache": APACHE}[server]
    (place / "conf").write_text(settings.format(place=place, port=port, root=root))
    if server == "nginx":
        return [program, "-c", str(place / "conf"), "-p", str(place)]
    return [program, "-X", "-f", str(place / "conf")]


@pytest.fixture
def place():
    """A folder that a server of another user can read, unlike those of the tests."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("server", ["python", "nginx", "apache"])
def test_the_page_answers_on_a_stock_server(server, folder, place, page):
    shutil.copytree(folder, place / "page")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = command(server, place, port, place / "page")
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as process:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.1)
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_selector("body[data-ready]")
            page.locator("#examples button").nth(4).click()
            page.wait_for_selector("#answer:text-is('Hand')")
            assert page.complaints == []
        finally:
            process.terminate()
