# Unpacks pinned .debs into a Python that runs from where it lies. Run by busybox sh: nothing else exists yet.
# Environment: seed, debs, triplet, loader, python, bytecode, out.
set -euo pipefail
mkdir /tmp/applets 2>/dev/null || true
applets=${NIX_BUILD_TOP:-/tmp}/applets
mkdir -p "$applets"
"$seed/bin/busybox" --install -s "$applets"
export PATH="$applets"

mkdir -p "$out/usr"
cd "$out"
unpack() {
    for deb; do
        ar p "$deb" data.tar.xz | xzcat | tar x
    done
}
# Two at a time; a .deb's own failure must not be lost in the background.
set -- $debs
first='' second=''
while [ $# -gt 0 ]; do
    first="$first $1"
    shift
    [ $# -gt 0 ] || break
    second="$second $1"
    shift
done
mkdir half
(cd half && unpack $second) &
unpack $first
wait $!
cp -a half/. .
rm -r half

for folder in bin sbin lib lib64; do
    if [ -d "$folder" ] && [ ! -L "$folder" ]; then
        mkdir -p "usr/$folder"
        cp -a "$folder/." "usr/$folder/"
        rm -r "$folder"
    fi
    if [ -d "usr/$folder" ]; then ln -s "usr/$folder" "$folder"; fi
done
rm -r usr/share/doc usr/share/man usr/share/locale 2>/dev/null || true

libraries="$out/usr/lib/$triplet"
run() { "$out/$loader" --library-path "$libraries" "$@"; }
# patchelf runs through the loader until it is done itself. Two calls, the interpreter last: see base.py.
cp usr/bin/patchelf patchelf
for program in "python$python" patchelf zstd; do
    run ./patchelf --force-rpath --set-rpath "$libraries" "usr/bin/$program"
    run ./patchelf --set-interpreter "$out/$loader" "usr/bin/$program"
done
rm patchelf
ln -sf "python$python" usr/bin/python3

# Builders start dozens of times: what they import is compiled once, here.
PYTHONHASHSEED=0 usr/bin/python3 -s -S "$bytecode" --imported "$out/usr/lib/python$python"
