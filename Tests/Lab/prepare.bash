# shellcheck shell=bash
# What the quickstart and the tests need before they can start: packages, a Swift toolchain, a release build. Sourced by both, from the
# top of the repository, under "set -euo pipefail". Everything here says in one sentence what is missing and ends the script.

PATH=$PATH:/usr/sbin:/sbin
# shellcheck disable=SC2034 # used by those who source this
build_packages=(libpcap-dev libsqlite3-dev libc6-dev g++ pkg-config git ca-certificates)
# shellcheck disable=SC2034
lab_packages=(iproute2 nftables gcc libc6-dev)

die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Installs those Debian packages that are not there yet.
install_missing() {
  local package output missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null || die "these Debian packages, or what stands for them here, must be installed first: ${missing[*]}"
  ((EUID == 0)) || die "packages are missing; install them with: sudo apt-get install ${missing[*]}"
  printf 'Installing %s\n' "${missing[*]}" >&2
  # Lists of packages may be missing or old; that is seen when the first attempt fails.
  output=$(apt_install "${missing[@]}" 2>&1) || output=$(apt-get update -q 2>&1 && apt_install "${missing[@]}" 2>&1) || {
    tail -n 5 <<<"$output" >&2
    die "apt-get could not install ${missing[*]}"
  }
}
apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"; }

# Whose build this is: the user who called sudo, so that .build stays theirs.
builder=$(id -un)
if ((EUID == 0)) && [[ -n ${SUDO_USER:-} && $SUDO_USER != root ]] && id "$SUDO_USER" >/dev/null 2>&1; then builder=$SUDO_USER; fi
builder_home=$(getent passwd "$builder" | cut -d: -f6)

as_builder() {
  if [[ $builder == "$(id -un)" ]]; then
    "$@"
  else
    runuser -u "$builder" -- env HOME="$builder_home" USER="$builder" LOGNAME="$builder" "$@"
  fi
}

# Puts the Swift toolchain first in PATH: the one of SWIFT, of PATH, of the builder's login shell, or of a usual place.
find_swift() {
  local needed candidate version found=""
  needed=$(sed -nE 's/^\/\/ swift-tools-version: *([0-9.]+).*/\1/p' Package.swift)
  while read -r candidate; do
    [[ -f $candidate && -x $candidate ]] || continue
    version=$(swift_version "$candidate")
    [[ -n $version ]] || continue
    if [[ $(printf '%s\n' "$needed" "$version" | sort -V | head -n 1) == "$needed" ]]; then
      PATH=$(dirname "$candidate"):$PATH
      return
    fi
    found="; $candidate is version $version"
  done < <(swift_candidates)
  die "no Swift toolchain of version $needed or newer was found$found: install one (https://www.swift.org/install/linux/) or say where its 'swift' is with SWIFT=PATH"
}

# The version of a toolchain; nothing for other programs of that name, and for a toolchain that cannot run. It leaves a folder in TMPDIR.
swift_version() (
  scratch=$(as_builder mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  as_builder env TMPDIR="$scratch" "$1" --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9.]+).*/\1/p' || true
)

swift_candidates() {
  local shell
  shell=$(getent passwd "$builder" | cut -d: -f7)
  if [[ -n ${SWIFT:-} ]]; then printf '%s\n' "$SWIFT"; fi
  command -v swift || true
  as_builder "${shell:-/bin/sh}" -lc 'command -v swift' 2>/dev/null </dev/null || true
  printf '%s\n' "$builder_home"/.local/share/swiftly/bin/swift /opt/swift*/usr/bin/swift /opt/swift*/bin/swift \
    /usr/local/swift*/usr/bin/swift /usr/local/bin/swift "$builder_home"/swift*/usr/bin/swift /usr/share/swift*/usr/bin/swift
}

# Runs a command, which may call swift_build. On a machine that never built a Swift package, what SwiftPM keeps in the home folder stays
# inside .build, and the frame of folders that it makes there all the same goes again.
where_swift_builds() (
  options=() places=(TMPDIR="$PWD/.build/tmp") frame=$builder_home/.swiftpm
  trap 'as_builder rm -rf .build/tmp' EXIT
  if [[ ! -e $frame ]]; then
    options+=(--config-path .build/home/configuration --security-path .build/home/security)
    places+=(XDG_CACHE_HOME="$PWD/.build/home/cache" XDG_DATA_HOME="$PWD/.build/home/share"
      SWIFTLY_HOME_DIR="${SWIFTLY_HOME_DIR:-$builder_home/.local/share/swiftly}")
    trap 'as_builder rm -rf .build/tmp "$frame/cache"; as_builder find "$frame" -depth -type d -empty -delete 2>/dev/null || true' EXIT
  fi
  as_builder mkdir -p .build/tmp
  "$@"
)

# As the builder.
swift_build() { as_builder env PATH="$PATH" "${places[@]}" swift build -c release "${options[@]}" "$@"; }

# The programs hold Swift's own libraries: they run where no toolchain is.
build_release() { where_swift_builds swift_build "$@"; }
