#!/bin/sh
# Installs a released lamed for this user, without root. `packaging/installer` prints this script with the address filled in.
#
#   curl --proto '=https' --tlsv1.2 -LsSf @REPOSITORY@/releases/latest/download/install.sh | sh
#
# LAMED_VERSION      install this release, for example v1.0.0 [default: the newest]
# LAMED_INSTALL_DIR  install into this folder [default: ~/.local/bin]. Beside a folder `bin` the manual pages, and the
#                    completions for bash and fish, go into `share`
# LAMED_DOWNLOAD_URL download from this URL instead of GitHub, for a mirror
set -eu

fail() {
  echo "error: $*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The Rust name of this machine, as far as there is a release for it.
target() {
  case $(uname -s) in
    Linux) system=unknown-linux-gnu ;;
    Darwin) system=apple-darwin ;;
    *) fail "no release for $(uname -s): on Windows use the zip, on other systems run \`cargo install lamed\`" ;;
  esac
  if [ "$system" = unknown-linux-gnu ] && (ldd --version 2>&1 || true) | grep -qi musl; then
    fail "released binaries need glibc, but this system has musl: use the container image, or run \`cargo install lamed\`"
  fi
  case $(uname -m) in
    x86_64 | amd64) echo "x86_64-$system" ;;
    aarch64 | arm64) echo "aarch64-$system" ;;
    *) fail "no release for $(uname -m): run \`cargo install lamed\`" ;;
  esac
}

# URL FILE. Only HTTPS, unless a mirror was named.
download() {
  if has curl; then
    if [ -n "${LAMED_DOWNLOAD_URL:-}" ]; then
      curl -fsSL --retry 3 -o "$2" "$1"
    else
      curl --proto '=https' --tlsv1.2 -fsSL --retry 3 -o "$2" "$1"
    fi
  elif has wget; then
    wget -qO "$2" "$1"
  else
    fail "cannot find curl or wget: install one of them"
  fi || fail "cannot download $1"
}

digest() {
  if has sha256sum; then
    sha256sum "$1"
  elif has shasum; then
    shasum -a 256 "$1"
  else
    fail "cannot check the download: install sha256sum or shasum"
  fi | cut -d ' ' -f 1
}

# FOLDER. The manual and the completions, where `man` and shells look for them: beside a folder `bin`.
share() {
  case $1 in
    */bin) below=${1%/bin}/share ;;
    *) return 0 ;;
  esac
  for page in "$unpacked"/man/*.[1-8]; do
    [ -e "$page" ] || continue
    place=$below/man/man${page##*.}
    mkdir -p "$place"
    cp "$page" "$place/"
  done
  for pair in bash:bash-completion/completions/lamed fish:fish/vendor_completions.d/lamed.fish; do
    script=$unpacked/completions/lamed.${pair%%:*}
    [ -e "$script" ] || continue
    place=$below/${pair#*:}
    mkdir -p "${place%/*}"
    cp "$script" "$place"
  done
}

# As a whole, so that a script cut short by a broken connection does nothing.
main() {
  target=$(target)
  archive=lamed-$target.tar.gz
  url=@REPOSITORY@/releases
  if [ -n "${LAMED_VERSION:-}" ]; then
    url=$url/download/$LAMED_VERSION
  else
    url=$url/latest/download
  fi
  url=${LAMED_DOWNLOAD_URL:-$url}
  folder=${LAMED_INSTALL_DIR:-$HOME/.local/bin}

  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 1' HUP INT TERM
  download "$url/SHA256SUMS" "$scratch/SHA256SUMS"
  download "$url/$archive" "$scratch/$archive"
  expected=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$scratch/SHA256SUMS")
  [ -n "$expected" ] || fail "SHA256SUMS does not name $archive"
  actual=$(digest "$scratch/$archive")
  [ "$actual" = "$expected" ] || fail "$archive is damaged: expected SHA-256 $expected but found $actual"

  tar -xzf "$scratch/$archive" -C "$scratch"
  unpacked=$scratch/lamed-$target
  "$unpacked/lamed" --version >/dev/null || fail "the program does not run on this system"
  mkdir -p "$folder"
  # In one step, also while an older one runs.
  cp "$unpacked/lamed" "$folder/.lamed.new"
  mv -f "$folder/.lamed.new" "$folder/lamed"
  share "${folder%/}"
  echo "installed $("$folder/lamed" --version) as $folder/lamed"
  case :$PATH: in
    *":$folder:"*) ;;
    *) echo "$folder is not on your PATH: add it with  export PATH=\"$folder:\$PATH\"" ;;
  esac
}

main "$@"
