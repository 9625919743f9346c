#!/usr/bin/env bash
# Prepares the peers that Debian does not carry, in build/peers: what `cmake --preset release` finds
# there it builds against. Each that cannot be had is left out, with one line that says why.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$here/../../build/peers
mkdir -p "$out"
out=$(cd "$out" && pwd)

# try PEER: runs its fetch_ function, which says on stdout why it gave up; the rest goes to its log,
# whose first error is the reason if none is given.
try() {
  local peer=$1 log=$out/$1.log why
  why=$("fetch_$peer" 2>"$log") && return
  why=${why:-$(grep -m 1 -iE '^.{0,20}error' "$log" || echo "it failed") (all of it: $log)}
  printf '%s: skipped, %s\n' "$peer" "$why"
}

# needs COMMAND...: says which is missing.
needs() {
  local command
  for command; do
    command -v "$command" >/dev/null || { echo "there is no $command here"; return 1; }
  done
}

# stale ARTEFACT SOURCE...: whether it is missing or older than one of its sources.
stale() {
  local artefact=$1 source
  shift
  [[ -e $artefact ]] || return 0
  for source; do [[ $source -nt $artefact ]] && return 0; done
  return 1
}

fetch_iceoryx2() {
  local crate=$here/iceoryx2
  stale "$out/iceoryx2/release/libtowbench_iceoryx2.a" "$crate"/Cargo.* "$crate"/src/* || return 0
  needs cargo || return 1
  cargo build --release --locked --manifest-path "$crate/Cargo.toml" \
    --target-dir "$out/iceoryx2" >&2
}

# Its C sources ask for a newer CMake than they need, and than Debian 12 has.
fetch_aeron() {
  local crate=$here/aeron sources=$out/aeron/crates build=$out/aeron/build
  stale "$build/binaries/aeronmd" "$crate"/Cargo.* || return 0
  needs cargo cmake ninja cc || return 1
  local wanted=(-D BUILD_AERON_ARCHIVE_API=OFF -D AERON_TESTS=OFF -D AERON_UNIT_TESTS=OFF
    -D AERON_SYSTEM_TESTS=OFF -D AERON_BUILD_SAMPLES=OFF -D AERON_BUILD_DOCUMENTATION=OFF
    -D AERON_INSTALL_TARGETS=OFF)
  {
    cargo vendor --locked --manifest-path "$crate/Cargo.toml" "$sources" &&
      sources=$sources/rusteron-media-driver/aeron &&
      sed -i 's/VERSION 3\.30/VERSION 3.25/' "$sources/CMakeLists.txt" &&
      cmake -S "$sources" -B "$build" -G Ninja -D CMAKE_BUILD_TYPE=Release "${wanted[@]}" &&
      cmake --build "$build" --target aeron_static aeronmd
  } >&2
}

fetch_chronicle() {
  local pom=$here/java/pom.xml made=$out/java
  stale "$made/classes/towbench/Chronicle.class" "$pom" "$here"/java/src/main/java/*/* || return 0
  needs mvn javac || return 1
  rm -rf "$made"
  mvn -B -f "$pom" "-Dtowbench.out=$made" "-DoutputDirectory=$made/jars" \
    -DincludeScope=runtime dependency:copy-dependencies compile >&2
}

for peer in iceoryx2 aeron chronicle; do try "$peer"; done
