"""What the scripts of this folder share: what Cargo.toml says, and archives and packages with equal bytes for equal input."""

import functools
import gzip
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What others call each target: the platform tag of a wheel, the architecture of Debian, the system and processor of npm.
# glibc's version comes before the tags of Linux. Rust supports macOS from these versions on.
TARGETS = {
    "x86_64-unknown-linux-gnu": {"wheel": "x86_64", "deb": "amd64", "npm": ("linux", "x64")},
    "aarch64-unknown-linux-gnu": {"wheel": "aarch64", "deb": "arm64", "npm": ("linux", "arm64")},
    "x86_64-apple-darwin": {"wheel": "macosx_10_12_x86_64", "npm": ("darwin", "x64")},
    "aarch64-apple-darwin": {"wheel": "macosx_11_0_arm64", "npm": ("darwin", "arm64")},
    "x86_64-pc-windows-msvc": {"wheel": "win_amd64", "npm": ("win32", "x64")},
}


def fail(message):
    sys.exit(f"error: {message}")


@functools.cache
def project():
    """What Cargo.toml says of the package: name, version, description, repository, …"""
    command = ["cargo", "metadata", "--offline", "--locked", "--no-deps", "--format-version=1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    return next(package for package in metadata["packages"] if package["name"] == "lamed")


def owner():
    """The owner of the repository."""
    return project()["repository"].rstrip("/").split("/")[-2]


def moment():
    """The time that all files of a package carry, in seconds since 1970: a zip holds none before 1980."""
    return max(int(os.environ.get("SOURCE_DATE_EPOCH", 0)), 315532800)


def level():
    """How hard to compress. $LAMED_COMPRESSION is for trials: 1 is quick."""
    return int(os.environ.get("LAMED_COMPRESSION", 9))


def program(target):
    return "lamed.exe" if "windows" in target else "lamed"


def archive_name(target):
    return f"lamed-{target}.zip" if "windows" in target else f"lamed-{target}.tar.gz"


class Archive:
    """What `packaging/archive` made for one target: `files` holds the bytes by path, without the top folder."""

    def __init__(self, path):
        self.target = next((target for target in TARGETS if pathlib.Path(path).name == archive_name(target)), None)
        if self.target is None:
            fail(f"{path} is not an archive of `packaging/archive`")
        self.names = TARGETS[self.target]
        self.program = program(self.target)
        if path.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                found = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
        else:
            with tarfile.open(path) as archive:
                found = {file.name: archive.extractfile(file).read() for file in archive if file.isfile()}
        self.files = {name.split("/", 1)[1]: data for name, data in found.items()}

    def binary(self):
        return self.files[self.program]

    def manual(self):
        """The manual pages, by file name."""
        return {name[len("man/"):]: data for name, data in self.files.items() if name.startswith("man/")}

    def share(self, zsh):
        """Manual pages and completions, by their path below `share`. zsh has a folder for each kind of package."""
        files = {f"man/man{name[-1]}/{name}": data for name, data in self.manual().items()}
        places = {
            "bash": "bash-completion/completions/lamed",
            "zsh": f"zsh/{zsh}/_lamed",
            "fish": "fish/vendor_completions.d/lamed.fish",
        }
        scripts = {place: self.files.get(f"completions/lamed.{shell}") for shell, place in places.items()}
        return files | {place: script for place, script in scripts.items() if script}

    def elf(self):
        """Of a program for Linux: the libraries that it needs, and the glibc, as in (2, 34)."""
        return elf(self.binary())


def elf(binary):
    """The libraries that an ELF file needs, and its glibc."""
    with tempfile.NamedTemporaryFile() as file:  # readelf reads no pipe
        file.write(binary)
        file.flush()
        command = ["readelf", "--wide", "--dynamic", "--version-info", file.name]
        shown = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()
    versions = [tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([0-9.]+)", shown)]
    return re.findall(r"\(NEEDED\).*\[(.*)\]", shown), max(versions)[:2]


def write_tar(path, files, programs=()):
    """A .tar.gz with these bytes by path, in the order of the alphabet. `programs` may be run."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), moment(), 0o755 if name in programs else 0o644
            tar.addfile(entry, io.BytesIO(data))
    write(path, gzip.compress(buffer.getvalue(), level(), mtime=moment()))


def write_zip(path, files, programs=()):
    """A .zip with these bytes by path, in the order given. `programs` may be run."""
    with zipfile.ZipFile(made(path), "w", zipfile.ZIP_DEFLATED, compresslevel=level()) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, time.gmtime(moment())[:6])
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3  # Unix, wherever this runs
            entry.external_attr = (0o100755 if name in programs else 0o100644) << 16
            archive.writestr(entry, data)


def made(path):
    """The path; its folder is made, and who runs the script told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    print(path)
    return path


def write(path, data):
    made(path).write_bytes(data)


def arguments(usage):
    """FOLDER ARCHIVE…, as every script takes it that makes packages."""
    if len(sys.argv) < 3:
        print(f"usage: {usage}", file=sys.stderr)
        sys.exit(2)
    return pathlib.Path(sys.argv[1]), [Archive(path) for path in sys.argv[2:]]
