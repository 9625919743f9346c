#!/usr/bin/env bash
# Installs the build into an empty prefix and uses it as a stranger would: by find_package with
# each library, and by pkg-config; from C++ and from C. Arguments: build directory, cmake, C++
# compiler, generator.
set -euo pipefail

build_dir=$1 cmake=$2 compiler=$3 generator=$4
consumer=$(cd "$(dirname "${BASH_SOURCE[0]}")/consumer" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

echo "-- install"
"$cmake" --install "$build_dir" --prefix "$prefix" >/dev/null
if leftovers=$(find "$prefix/include" -type f ! -name '*.hpp' ! -path '*/towpath/towpath.h' |
  grep .); then
  echo "installed, but not a header: $leftovers" >&2
  exit 1
fi

echo "-- find_package"
"$cmake" -S "$consumer" -B "$work/build" -G "$generator" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Debug >/dev/null
"$cmake" --build "$work/build" --parallel 2
"$work/build/consumer_shared" "$work/bus_shared"
"$work/build/consumer_static" "$work/bus_static"
if [[ -e $prefix/include/towpath/towpath.h ]]; then
  "$work/build/consumer_c" "$work/bus_c"
  "$work/build/consumer_c_static" "$work/bus_c_static"
fi

echo "-- pkg-config, in a prefix that has moved"
mv "$prefix" "$work/moved"
PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name towpath.pc)")
export PKG_CONFIG_PATH
library_dir=$(pkg-config --variable=libdir towpath)
read -ra flags <<<"$(pkg-config --cflags --libs towpath)"
"$compiler" -std=c++20 "$consumer/main.cpp" -o "$work/consumer_pkg" "${flags[@]}"
LD_LIBRARY_PATH=$library_dir "$work/consumer_pkg" "$work/bus_pkg"
if pkg-config --exists towpath_c; then
  read -ra flags <<<"$(pkg-config --cflags --libs towpath_c)"
  cc -std=c11 "$consumer/main.c" -o "$work/consumer_c_pkg" "${flags[@]}"
  LD_LIBRARY_PATH=$library_dir "$work/consumer_c_pkg" "$work/bus_c_pkg"
fi

if [[ -x $work/moved/bin/tow ]]; then
  echo "-- tow"
  "$work/moved/bin/tow" --help >/dev/null
fi
