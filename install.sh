#!/bin/sh
# Installs autoglm-lite, runs it, tests it, removes it: see usage() or docs/install.md.
# POSIX sh. Everything said here goes to stderr: with `chat -p`, stdout carries the answer alone.
set -u

usage() {
    cat <<'END'
Usage: ./install.sh [OPTIONS]                   install autoglm-lite for this user
       ./install.sh [OPTIONS] chat [ARGS]       install what is missing, then run: autoglm-lite chat ARGS
       ./install.sh [OPTIONS] test [ARGS]       install the developer's tools too, then run: pytest ARGS
       ./install.sh [OPTIONS] uninstall [--purge]

Options:
  --prefix DIR   install under DIR instead of ~/.local (or what PREFIX names)
  --yes          run the command that installs a missing compiler or Python, where the rights allow it
  --purge        uninstall: also delete models and conversations
  --help         show this
END
}

# ---- Saying what happens ------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*" >&2; }

die() {
    say "install.sh: $*"
    exit 1
}

# Runs a long command with its output in the log, and shows that it is alive. $1: what to say it is doing.
work() {
    what=$1
    shift
    printf '\n== %s: %s\n' "$what" "$*" >>"$log"
    log_start=$(wc -l <"$log")
    "$@" >>"$log" 2>&1 3>&- 4<&- &
    job=$!
    show_progress "$job" "$what" "$log_start" &
    ticker=$!
    wait "$job"
    status=$?
    job=
    stop_ticker
    [ $status -eq 0 ] || return $status
    say "  $what: done"
}

stop_ticker() {
    [ -n "$ticker" ] || return 0
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null
    ticker=
    [ ! -t 2 ] || printf '\r\033[K' >&2
}

# Rewrites one line each second on a terminal, else prints a line every 15 seconds, while process $1 lives.
show_progress() {
    seconds=0
    while kill -0 "$1" 2>/dev/null; do
        if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ]; then
            printf '\r\033[K  %s: %s' "$2" "$(progress_text "$3" $seconds)" >&2
        elif [ $((seconds % 15)) -eq 0 ] && [ $seconds -gt 0 ]; then
            say "  $2: $(progress_text "$3" $seconds)"
        fi
        sleep 1 >/dev/null 2>&1 3>&- 4<&-
        seconds=$((seconds + 1))
    done
}

# Elapsed seconds $2, and ninja's last [step/steps] in the log after line $1.
progress_text() {
    step=$(tail -n "+$(($1 + 1))" "$log" | sed -n 's/^\[\([0-9]*\)\/\([0-9]*\)\].*/step \1 of \2, /p' | tail -n 1)
    printf '%s%d min %02d s' "$step" $(($2 / 60)) $(($2 % 60))
}

# Ends after a failed step, with what the log says last.
give_up() {
    say "install.sh: $*"
    say "The last lines of the log, $log:"
    tail -n 15 "$log" | sed 's/^/    /' >&2
    exit 1
}

# ---- What this machine is -----------------------------------------------------------------------------------------

# The family of distributions whose package manager we know. $1: the root folder to look in, empty for this machine.
distribution() {
    if [ -r "$1/etc/os-release" ]; then
        # shellcheck disable=SC1091
        words=$(. "$1/etc/os-release" && printf '%s' "${ID:-} ${ID_LIKE:-} ${VERSION_ID:-}")
    else
        words=$(uname -s)
    fi
    case " $words " in
        *" debian "* | *" ubuntu "*) echo debian ;;
        *" rhel "* | *" centos "*) echo rhel ;;
        *" fedora "*) echo fedora ;;
        *" arch "* | *" archlinux "*) echo arch ;;
        *" opensuse-leap "*) echo leap ;;
        *opensuse* | *" suse "*) echo opensuse ;;
        *" alpine "*) echo alpine ;;
        *Darwin*) echo macos ;;
        *) echo unknown ;;
    esac
}

# The one line that installs `$1` (compiler, python or venv) on distribution $2; $3 is "-y" when nobody will answer.
package_line() {
    yes=${3:+ $3}
    case $2:$1 in
        debian:compiler) echo "${sudo}apt-get update && ${sudo}apt-get install$yes g++" ;;
        debian:python) echo "${sudo}apt-get update && ${sudo}apt-get install$yes python3 python3-venv" ;;
        debian:venv) echo "${sudo}apt-get update && ${sudo}apt-get install$yes python$python_series-venv" ;;
        fedora:compiler | rhel:compiler) echo "${sudo}dnf install$yes gcc-c++" ;;
        fedora:python) echo "${sudo}dnf install$yes python3" ;;
        rhel:python) echo "${sudo}dnf install$yes python3.12" ;;
        arch:compiler) echo "${sudo}pacman -S --needed${3:+ --noconfirm} gcc" ;;
        arch:python) echo "${sudo}pacman -S --needed${3:+ --noconfirm} python" ;;
        leap:compiler | opensuse:compiler) echo "${sudo}zypper${3:+ --non-interactive} install gcc-c++" ;;
        leap:python) echo "${sudo}zypper${3:+ --non-interactive} install python311" ;;
        opensuse:python) echo "${sudo}zypper${3:+ --non-interactive} install python313" ;;
        alpine:compiler) echo "${sudo}apk add g++" ;;
        alpine:python) echo "${sudo}apk add python3" ;;
        macos:compiler) echo "xcode-select --install" ;;
        macos:python) echo "brew install python@3.13" ;;
    esac
}

# Says what is missing ($1) and the line that brings package_line's $2; runs it when --yes was given and we may.
missing() {
    sudo='sudo '
    [ "$(id -u)" -ne 0 ] || sudo=
    line=$(package_line "$2" "$(distribution '')" '')
    [ -n "$line" ] || die "$1. Install it with this system's package manager, then run ./install.sh again."
    if [ "$assume_yes" = yes ] && { [ -z "$sudo" ] || sudo -n true 2>/dev/null; }; then
        line=$(package_line "$2" "$(distribution '')" -y)
        say "$1. Running: $line"
        work "Installing packages" env DEBIAN_FRONTEND=noninteractive sh -c "$line" || give_up "This did not work: $line"
        return
    fi
    say "install.sh: $1. Type this, then run ./install.sh again:"
    say "    $line"
    exit 1
}

# True if dotted version $1 is at least $2 (two numbers compared).
at_least() {
    [ "${1%%.*}" -ge 0 ] 2>/dev/null || return 1
    have_minor=${1#*.}
    want_minor=${2#*.}
    [ "${1%%.*}" -gt "${2%%.*}" ] || {
        [ "${1%%.*}" -eq "${2%%.*}" ] && [ "${have_minor%%[!0-9]*}" -ge "${want_minor%%[!0-9]*}" ]
    }
}

# Sets python (the real program behind shims), python_series ("3.11") and python_id (what a wheel must suit).
find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        command -v "$name" >/dev/null && try_python "$name" && return
    done
    found_uv=$(find_uv) && try_python "$("$found_uv" python find --no-project '>=3.10' 2>/dev/null)" && return
    return 1
}

try_python() {
    [ -n "$1" ] || return 1
    answer=$("$1" -I - 2>/dev/null <<'END'
import sys, sysconfig
if sys.version_info < (3, 10):
    raise SystemExit(1)
print("%d.%d" % sys.version_info[:2])
print(sys.implementation.cache_tag, sysconfig.get_platform(), sys.version.split()[0])
print(sys.executable)
END
    ) || return 1
    {
        read -r python_series
        read -r python_id
        IFS= read -r python
    } <<END
$answer
END
}

# Prints the path of a uv that is new enough, if the user has one.
find_uv() {
    for candidate in "$(command -v uv)" "$HOME/.local/bin/uv"; do
        [ -x "$candidate" ] || continue
        at_least "$("$candidate" --version 2>/dev/null | sed 's/^uv //')" 0.5 || continue
        echo "$candidate"
        return
    done
    return 1
}

# What decides the instructions the compiler may use here: the processor's make and its instruction sets.
processor() {
    if [ -r /proc/cpuinfo ]; then
        # Only instruction sets: other flags come and go with the kernel, and each change would cost a build.
        awk -F: '
            /^(vendor_id|cpu family|model|CPU implementer|CPU part|cpu|isa|uarch)[ \t]*:/ && !seen[$1]++ { print }
            /^(flags|Features)[ \t]*:/ && !flags++ {
                n = split($2, all, " ")
                for (i = 1; i <= n; i++)
                    if (all[i] ~ /^(sse|ssse|avx|fma|xop|f16c|bmi|abm|popcnt|movbe|gfni|va?es|vpcl|amx|sha|aes|asimd|fp|sve|sme|i8mm|bf16|crc|atomics|neon|vfp)/)
                        print all[i]
            }' /proc/cpuinfo
    else
        sysctl -n machdep.cpu.brand_string 2>/dev/null
        sysctl hw.optional 2>/dev/null
    fi
}

processor_name() {
    name=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)
    echo "${name:-$(sysctl -n machdep.cpu.brand_string 2>/dev/null || uname -m)}"
}

# Sets backend (cpu, cuda, vulkan or metal), why (the reason in words) and, for CUDA, nvcc.
choose_backend() {
    backend=cpu
    if [ "$(uname -s)" = Darwin ]; then
        backend=metal why='with Metal'
        return
    fi
    nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)
    if [ -n "$nvcc" ] && nvidia_card; then
        backend=cuda why="with CUDA: an NVIDIA card and $nvcc are here"
    elif [ -n "$nvcc" ]; then
        why="without CUDA: its toolkit is here, but no NVIDIA card with a working driver"
    elif nvidia_card; then
        why="without CUDA: an NVIDIA card is here, but not the toolkit (nvcc)"
    else
        why="without CUDA: neither an NVIDIA card nor its toolkit is here"
    fi
    [ "$backend" = cpu ] || build_failed_before || return 0
    backend=cpu
    lacking=$(vulkan_lacks)
    if [ -z "$lacking" ]; then
        backend=vulkan why="with Vulkan: headers, loader and glslc are here; $why"
        build_failed_before && backend=cpu
    else
        why="$why; without Vulkan: no $lacking"
    fi
}

# True, and said in `why`, if this very build was tried here before and did not work.
build_failed_before() {
    failed=$program/wheels/$(wheel_key)/failed
    [ -e "$failed" ] || return 1
    why="without $backend: its last build failed (to try again, delete $failed)"
}

nvidia_card() {
    # Asking the driver's folder does not wake a sleeping card; WSL has no such folder.
    ls /proc/driver/nvidia/gpus/* >/dev/null 2>&1 || { [ -e /dev/dxg ] && nvidia-smi -L >/dev/null 2>&1; }
}

# Prints what the Vulkan backend would need and this machine lacks; nothing if all is here.
vulkan_lacks() {
    sdk=${VULKAN_SDK:-/usr}
    command -v glslc >/dev/null || { echo "shader compiler (glslc)" && return; }
    first_of "$sdk"/include/vulkan/vulkan.h /usr/include/vulkan/vulkan.h /usr/local/include/vulkan/vulkan.h ||
        { echo "Vulkan headers" && return; }
    first_of "$sdk"/lib*/libvulkan.so "$sdk"/lib/*/libvulkan.so /usr/lib*/libvulkan.so /usr/lib/*/libvulkan.so ||
        { echo "Vulkan loader (libvulkan.so)" && return; }
    first_of "$sdk"/*/cmake/SPIRV-Headers /usr/*/cmake/SPIRV-Headers /usr/lib/*/cmake/SPIRV-Headers \
        /usr/local/*/cmake/SPIRV-Headers || echo "SPIR-V headers"
}

first_of() {
    for candidate in "$@"; do [ ! -e "$candidate" ] || return 0; done
    return 1
}

# How many compilers to run at once: one a core, and 1 GB of free memory for each (measured: 0.63 GB at most).
build_jobs() {
    cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
    free_kb=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null)
    limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null)
    case $limit in '' | max) ;; *) [ "$((limit / 1024))" -ge "${free_kb:-0}" ] || free_kb=$((limit / 1024)) ;; esac
    by_memory=$((${free_kb:-8388608} / 1048576))
    [ "$by_memory" -ge 1 ] || by_memory=1
    [ "$by_memory" -lt "$cores" ] && echo "$by_memory" || echo "$cores"
}

# ---- One install at a time, and none half done --------------------------------------------------------------------

# A folder is made by one process alone. A lock whose owner is gone is taken away by renaming, which one alone can do.
take_lock() {
    waited=0
    until mkdir "$program/lock" 2>/dev/null; do
        owner=$(cat "$program/lock/pid" 2>/dev/null)
        if [ -z "$owner" ] && [ $waited -lt 3 ]; then
            : # It may be between making the folder and writing its number.
        elif ! installing "$owner"; then
            stale=$program/lock.stale.$$
            mv "$program/lock" "$stale" 2>/dev/null && rm -rf "$stale"
            continue
        elif [ $waited -eq 0 ] || [ $((waited % 60)) -eq 0 ]; then
            say "Another install.sh (process $owner) is at work here; waiting for it."
        fi
        sleep 1
        waited=$((waited + 1))
    done
    locked=yes
    echo $$ >"$program/lock/pid"
}

# True if process $1 lives and, where that can be read, is an install.sh.
installing() {
    [ -n "$1" ] && { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; } || return 1
    [ ! -r "/proc/$1/cmdline" ] || tr '\0' ' ' <"/proc/$1/cmdline" | grep -q 'install\.sh'
}

release_lock() {
    [ -z "$locked" ] || rm -rf "$program/lock"
    locked=
}

# Called by a trap, as is the next.
# shellcheck disable=SC2317
clean_up() {
    code=$?
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$job" ]; then
        kill "$job" 2>/dev/null
        wait "$job" 2>/dev/null
    fi
    stop_ticker
    [ -z "$temporary" ] || rm -rf "$temporary"
    release_lock
    exit "$code"
}

# shellcheck disable=SC2317
interrupted() {
    say ""
    say "Interrupted. Run ./install.sh again and it goes on from here."
    exit "$1"
}

# Prepares the folders that a change needs, the log, and the lock.
begin() {
    [ -z "$locked" ] || return 0
    make_program_folder || die "$program cannot be written; choose another place with --prefix DIR."
    take_lock
    mkdir -p "$program/log" "$program/wheels" "$program/cache" || exit 1
    # Left by a run that was killed.
    rm -rf "$program"/tmp.* 2>/dev/null
    temporary=$program/tmp.$$
    mkdir "$temporary" || exit 1
    export TMPDIR="$temporary"
    log=$program/log/install.log
    [ ! -e "$log" ] || mv "$log" "$log.1"
    : >"$log"
    {
        date
        uname -a
        echo "python: $python ($python_id); prefix: $PREFIX; clone: $clone"
    } >>"$log"
}

make_program_folder() {
    # Conversations may live beside us, so the folder is this user's alone when it is in this user's home.
    if [ ! -d "$share" ]; then
        mkdir -p "$PREFIX/share" || return 1
        case $PREFIX in
            "$HOME"/*) (umask 077 && mkdir "$share") ;;
            *) mkdir "$share" ;;
        esac || [ -d "$share" ] || return 1
    fi
    mkdir -p "$program" && [ -w "$program" ]
}

# ---- The tools that install and build -----------------------------------------------------------------------------

# Prints the blocks of lock file $1 that are named in $3..., or those that are not, as $2 says (only or without).
lock_part() {
    file=$1 keep=$2
    shift 2
    awk -v keep="$keep" -v names=" $* " '
        /^[a-zA-Z0-9]/ {
            name = $0
            sub(/[=<>! ;[].*/, "", name)
            wanted = (index(names, " " name " ") > 0) == (keep == "only")
        }
        wanted' "$file"
}

# Makes the environment that installs and builds: hatchling, scikit-build-core, pip, and what this machine lacks of
# cmake, ninja and uv ($*). Sets tools (its python) and uv.
prepare_tools() {
    tools=$program/tools/bin/python
    own_uv=$(find_uv)
    [ -n "$own_uv" ] || set -- "$@" uv
    stamp="$(cksum <"$clone/requirements-build.lock") $python_id $python"
    if [ "$(sed -n 1p "$program/tools/stamp" 2>/dev/null)" = "$stamp" ]; then
        have=" $(sed -n 2p "$program/tools/stamp") "
        enough=yes
        for name in "$@"; do
            case $have in *" $name "*) ;; *) enough=no ;; esac
        done
        [ $enough = no ] || { set_uv && return; }
    fi
    rm -rf "$program/tools"
    drop=
    for name in cmake ninja uv; do
        case " $* " in *" $name "*) ;; *) drop="$drop $name" ;; esac
    done
    # shellcheck disable=SC2086
    lock_part "$clone/requirements-build.lock" without $drop >"$temporary/tools.lock"
    if [ -n "$own_uv" ]; then
        uv=$own_uv
        find_mirror "$python"
        uv_venv "$program/tools" || give_up "The environment for building could not be made."
        work "Fetching the build tools" become_uv pip install --python "$tools" --no-deps --no-progress \
            --require-hashes -r "$temporary/tools.lock" ||
            give_up "The build tools could not be fetched; is there a network?"
    else
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            missing "Python's venv module is not complete here" venv
        "$python" -m venv "$program/tools" >>"$log" 2>&1 || give_up "The environment for building could not be made."
        work "Fetching the build tools" "$tools" -m pip --no-input --disable-pip-version-check install \
            --require-hashes -r "$temporary/tools.lock" ||
            give_up "The build tools could not be fetched; is there a network?"
    fi
    printf '%s\n%s\n' "$stamp" "$*" >"$program/tools/stamp"
    set_uv
}

# uv's cache stays where the user's uv has it; the one we brought keeps its own, which goes when we go.
set_uv() {
    uv=$own_uv
    if [ -z "$uv" ]; then
        uv=$program/tools/bin/uv uv_cache=$program/cache/uv
    fi
    find_mirror "$tools"
}

# Someone who told pip of a nearer mirror means uv as well, which does not read pip's settings. $1: a python with pip.
find_mirror() {
    [ -z "$mirror${UV_INDEX_URL:-}${UV_DEFAULT_INDEX:-}" ] || return 0
    mirror=${PIP_INDEX_URL:-$("$1" -m pip config get global.index-url 2>/dev/null)} || mirror=
}

# Becomes uv: only for a subshell or the background.
become_uv() {
    cd "$temporary" || exit 1
    export UV_PYTHON_DOWNLOADS=never
    # The system's own certificates, as pip takes them: a company's or a school's proxy is known only there.
    if first_of /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem \
        /etc/ssl/cert.pem; then
        export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" UV_NATIVE_TLS="${UV_NATIVE_TLS:-1}"
    fi
    [ -z "$uv_cache" ] || export UV_CACHE_DIR="$uv_cache"
    [ -z "$mirror" ] || export UV_DEFAULT_INDEX="$mirror"
    exec "$uv" "$@" 3>&- 4<&-
}

uv_venv() { (become_uv venv --quiet --no-project --relocatable --python "$python" "$1") >>"$log" 2>&1; }

# ---- llama.cpp, built for this processor --------------------------------------------------------------------------

llama_version() { sed -n 's/^llama-cpp-python==\([^ ;]*\).*/\1/p' "$clone/requirements.lock"; }

# GGML_NATIVE in so many words, since its default hangs on the environment. No ccache: it would hand an object made for
# one processor to another.
cmake_options='-DGGML_NATIVE=ON -DGGML_OPENMP=ON -DGGML_CCACHE=OFF'

# Names a build: what it is of, what it may use, and how it is made. Another processor, another key.
wheel_key() {
    sum=$({
        lock_part "$clone/requirements.lock" only llama-cpp-python
        echo "$python_platform ${CC:-} ${CXX:-} ${CFLAGS:-} ${CXXFLAGS:-} ${LDFLAGS:-}"
        echo "$cmake_options"
        sed '/^#/d; /^$/d' "$clone/scripts/llama.cmake"
        processor
    } | cksum | cut -d ' ' -f 1)
    echo "$version-$backend-$sum"
}

# Sets wheel to the kept one's path; fails if it is not there. It is renamed into place when whole.
kept_wheel() {
    wheel=
    for candidate in "$program/wheels/$key"/*.whl; do
        [ ! -e "$candidate" ] || wheel=$candidate
    done
    [ -n "$wheel" ]
}

# Builds the wheel unless it is kept. A graphics backend that does not build is given up for the processor alone.
ensure_wheel() {
    kept_wheel && { prepare_tools || exit 1; } && return
    need_compiler
    find_cmake
    say "Building llama.cpp $version for this processor ($(processor_name)), $why."
    say "  This takes about 4 minutes on two cores, once. The log: $log"
    # shellcheck disable=SC2086
    prepare_tools $lacking_tools
    if ! build_wheel; then
        [ "$backend" = cuda ] || [ "$backend" = vulkan ] || give_up "llama.cpp could not be built."
        say "install.sh: The build with $backend failed (see $log); going on without it."
        mkdir -p "$program/wheels/$key" && : >"$program/wheels/$key/failed"
        choose_backend
        key=$(wheel_key)
        ensure_wheel
        return
    fi
    kept_wheel || give_up "The build ended without a wheel."
    for old in "$program"/wheels/*; do
        case ${old##*/} in "$version"-*) ;; *) rm -rf "$old" ;; esac
    done
}

build_wheel() {
    folder=$program/build/$key
    case $backend in cpu) space=1000000 ;; *) space=4000000 ;; esac
    need_space $space
    # What another version, processor or backend left unfinished will hardly be finished.
    for old in "$program"/build/*; do [ "$old" = "$folder" ] || rm -rf "$old"; done
    mkdir -p "$folder/out" || return 1
    if [ ! -d "$folder/source" ]; then
        fetch_source || give_up "llama-cpp-python's source could not be fetched; is there a network?"
    fi
    # Its options must not hang on where the clone lies: a build that goes on after an interruption may find it moved.
    cp "$clone/scripts/llama.cmake" "$folder/" || return 1
    # shellcheck disable=SC2086
    set -- $cmake_options "-DCMAKE_PROJECT_llama_cpp_INCLUDE=$folder/llama.cmake"
    case $backend in
        cuda) set -- "$@" -DGGML_CUDA=ON "-DCMAKE_CUDA_COMPILER=$nvcc" ;;
        vulkan) set -- "$@" -DGGML_VULKAN=ON ;;
    esac
    jobs=$(build_jobs)
    work "Building llama.cpp ($(plural "$jobs" job))" \
        env CC="$cc" CXX="$cxx" CMAKE_BUILD_PARALLEL_LEVEL="$jobs" CMAKE_GENERATOR=Ninja \
        "$tools" "$clone/scripts/build_llama.py" "$folder/source" "$folder/cmake" "$folder/out" "$@" || return 1
    mkdir -p "$program/wheels/$key" || return 1
    rm -f "$program/wheels/$key/failed"
    mv "$folder"/out/*.whl "$program/wheels/$key/" || return 1
    rm -rf "$program/build" "$program/cache/pip"
    built=yes
}

plural() { if [ "$1" -eq 1 ]; then echo "1 $2"; else echo "$1 $2s"; fi; }

# The source as its author published it, held to the lock's hash by pip, unpacked whole or not at all.
fetch_source() {
    rm -rf "$folder/download" "$folder/unpacked"
    mkdir "$folder/unpacked" || return 1
    lock_part "$clone/requirements.lock" only llama-cpp-python >"$temporary/llama.lock"
    work "Fetching llama.cpp's source (77 MB)" env PIP_CACHE_DIR="$program/cache/pip" \
        "$tools" -m pip --no-input --disable-pip-version-check download --progress-bar off --no-deps \
        --no-binary :all: --no-build-isolation --require-hashes -r "$temporary/llama.lock" -d "$folder/download" ||
        return 1
    work "Unpacking it" tar -xzof "$folder"/download/llama_cpp_python-*.tar.gz -C "$folder/unpacked" || return 1
    mv "$folder"/unpacked/llama_cpp_python-* "$folder/source" && rm -rf "$folder/download" "$folder/unpacked"
}

need_space() {
    free=$(df -Pk "$program" | awk 'NR == 2 { print $4 }')
    [ "${free:-$1}" -ge "$1" ] ||
        die "The build needs $(($1 / 1000)) MB of free disk space in $program, and $((free / 1000)) MB are there."
}

# A compiler is there when it compiles: one without its headers is as good as none.
need_compiler() {
    find_compiler && return
    missing "No working C++ compiler was found" compiler
    find_compiler || die "The C++ compiler that was installed does not work."
}

find_compiler() {
    if [ "$(uname -s)" = Darwin ] && ! xcode-select -p >/dev/null 2>&1; then
        return 1
    fi
    printf '#include <thread>\n#include <vector>\nint main() { return (int)std::vector<int>().size(); }\n' \
        >"$temporary/try.cpp"
    printf '#include <stdio.h>\nint main(void) { return 0; }\n' >"$temporary/try.c"
    if [ -n "${CXX:-}" ] || [ -n "${CC:-}" ]; then
        compiles "${CC:-cc}" "${CXX:-c++}"
        return
    fi
    compiles cc c++ || compiles gcc g++ || compiles clang clang++
}

# Sets cc and cxx to $1 and $2 if both work.
compiles() {
    cc=$1 cxx=$2
    # A compiler may be named with options.
    # shellcheck disable=SC2086
    $cc "$temporary/try.c" -o "$temporary/try" >>"$log" 2>&1 &&
        $cxx -std=c++17 "$temporary/try.cpp" -o "$temporary/try" >>"$log" 2>&1
}

# Sets lacking_tools: cmake and ninja, where the system has none or one too old for llama.cpp.
find_cmake() {
    lacking_tools=
    # 3.24 is the first that can ask which NVIDIA card is here.
    [ "$backend" = cuda ] && wanted=3.24 || wanted=3.21
    at_least "$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p')" "$wanted" || lacking_tools=cmake
    at_least "$(ninja --version 2>/dev/null)" 1.8 || lacking_tools="$lacking_tools ninja"
    # scikit-build-core looks beside its own python first, so what the lock brings is used when it is there.
}

# ---- The environments ---------------------------------------------------------------------------------------------

# What an environment was made of; when it differs, the environment is made again. $1: env or test-env.
wanted_stamp() {
    echo "$python_id $python"
    echo "$key"
    if [ "$1" = env ]; then
        (cd "$clone" && find autoglm_lite converters tui pyproject.toml requirements.lock -name __pycache__ -prune \
            -o -type f -exec cksum {} +) | LC_ALL=C sort | cksum
    else
        echo "$clone"
        (cd "$clone" && cat pyproject.toml requirements-dev.lock) | cksum
    fi
}

in_place() {
    [ -x "$program/$1/bin/python" ] && [ "$(cat "$program/$1/stamp" 2>/dev/null)" = "$(wanted_stamp "$1")" ]
}

# Makes environment $1 (env or test-env) if it is not in place: whole under another name, then renamed.
ensure_environment() {
    in_place "$1" && return
    begin
    in_place "$1" && return
    ensure_wheel
    # Under a name of this run: what a killed run left may still be written to by its uv.
    new=$temporary/$1
    rm -rf "$program/$1.old"
    if [ "$1" = env ]; then
        lock=requirements.lock form=wheel what="Installing autoglm-lite"
    else
        lock=requirements-dev.lock form=wheel:editable what="Installing the developer's tools"
    fi
    lock_part "$clone/$lock" without llama-cpp-python >"$temporary/$lock"
    uv_venv "$new" || give_up "The environment could not be made."
    work "$what" become_uv pip install --python "$new/bin/python" --no-deps --no-progress --compile-bytecode \
        --require-hashes -r "$temporary/$lock" ||
        give_up "A package could not be fetched or installed; is there a network?"
    rm -rf "${temporary:?}/$form"
    mkdir "$temporary/$form" || exit 1
    (cd "$clone" && "$tools" -B -m hatchling build -t "$form" -d "$temporary/$form") >>"$log" 2>&1 3>&- 4<&- ||
        give_up "autoglm-lite itself could not be packed."
    (become_uv pip install --python "$new/bin/python" --no-deps --no-progress --compile-bytecode \
        "$wheel" "$temporary/$form"/*.whl) >>"$log" 2>&1 ||
        give_up "autoglm-lite itself could not be installed."
    if ! "$new/bin/python" -I -c 'from llama_cpp import llama_cpp as c; print(c.llama_print_system_info())' \
        >>"$log" 2>&1 3>&- 4<&-; then
        # A wheel that was built beside another C library, say, in a home that moved here.
        rm -rf "$new" "$program/wheels/$key"
        [ -z "$built" ] || give_up "llama.cpp was built, but cannot be loaded."
        say "The kept build of llama.cpp does not run on this machine; building it again."
        ensure_environment "$1"
        return
    fi
    wanted_stamp "$1" >"$new/stamp.new" && mv "$new/stamp.new" "$new/stamp" || exit 1
    [ ! -d "$program/$1" ] || mv "$program/$1" "$program/$1.old" || exit 1
    mv "$new" "$program/$1" || exit 1
    rm -rf "$program/$1.old"
    [ "$1" != env ] || restart_service
}

marker='# Made by install.sh of autoglm-lite.'

launcher_text() {
    # -I: neither the folder one stands in nor PYTHONPATH may put other modules in the way.
    printf '#!/bin/sh\n%s\nexec %s -I -m autoglm_lite "$@"\n' "$marker" "$(quoted "$program/env/bin/python")"
}

# $1 as a word to type, in quotes if it needs them.
quoted() {
    case $1 in
        *[!A-Za-z0-9_./-]* | '') printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
        *) printf '%s' "$1" ;;
    esac
}

ensure_launcher() {
    [ "$(cat "$launcher" 2>/dev/null)" != "$(launcher_text)" ] || [ ! -x "$launcher" ] || return 0
    begin
    if [ -e "$launcher" ] && ! grep -qF "$marker" "$launcher"; then
        die "$launcher is there already and is not ours; move it away, or choose another place with --prefix DIR."
    fi
    mkdir -p "$PREFIX/bin" && launcher_text >"$temporary/launcher" && chmod 755 "$temporary/launcher" &&
        mv -f "$temporary/launcher" "$launcher"
    [ -x "$launcher" ] || die "$launcher cannot be written."
}

install_program() {
    need_python
    ensure_environment env
    ensure_launcher
    release_lock
}

need_python() {
    version=$(llama_version)
    if ! find_python; then
        old=$(python3 --version 2>/dev/null)
        if [ -n "$old" ] && [ "$(distribution '')" = debian ]; then
            # This release has no newer one to install.
            die "autoglm-lite needs Python 3.10 or newer, and this is $old. Type this, then run ./install.sh again:
    python3 -m pip install --user uv && ~/.local/bin/uv python install 3.12"
        fi
        python='' python_id='' python_series=''
        begin
        missing "No Python 3.10 or newer was found${old:+ (this is $old)}" python
        find_python || die "The Python that was installed is older than 3.10."
    fi
    python_platform=${python_id#* }
    python_platform=${python_platform%% *}
    choose_backend
    key=$(wheel_key)
}

# ---- Commands -----------------------------------------------------------------------------------------------------

run_install() {
    install_program
    say "autoglm-lite is installed. Type: $(command_name) chat"
    say_path
}

# How to have the launcher found by its name, unless it is.
say_path() {
    case :$PATH: in
        *":$PREFIX/bin:"*) ;;
        *)
            say "To type just autoglm-lite, add this line to your shell's profile (~/.profile, say):"
            say "    export PATH=$(quoted "$PREFIX/bin"):\$PATH"
            ;;
    esac
}

command_name() {
    if [ "$(command -v autoglm-lite)" = "$launcher" ]; then echo autoglm-lite; else quoted "$launcher"; fi
}

# Leaves this script's plumbing behind: the next program has the caller's stdin and stdout.
hand_over() {
    trap - EXIT INT TERM HUP
    [ -z "$temporary" ] || rm -rf "$temporary"
    unset TMPDIR
    [ -z "$caller_tmpdir" ] || export TMPDIR="$caller_tmpdir"
    exec 0<&4 1>&3 3>&- 4<&-
    exec "$@"
}

run_chat() {
    known=
    [ ! -x "$launcher" ] || known=yes
    install_program
    [ -n "$known" ] || say_path
    hand_over "$launcher" chat "$@"
}

run_test() {
    need_python
    ensure_environment test-env
    release_lock
    cd "$clone" || exit 1
    PATH=$program/test-env/bin:$PATH
    export PATH VIRTUAL_ENV="$program/test-env"
    if [ ! -w "$clone" ]; then
        export PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY="$program/cache/hypothesis"
        set -- -o "cache_dir=$program/cache/pytest" "$@"
    fi
    hand_over "$program/test-env/bin/python" -m pytest "$@"
}

# Where the program keeps what a user would miss: paths.py in words of the shell.
user_folders() {
    if [ -n "${AUTOGLM_LITE_HOME:-}" ]; then
        printf '%s\n' "$AUTOGLM_LITE_HOME/data" "$AUTOGLM_LITE_HOME/state"
    elif [ "$(uname -s)" = Darwin ]; then
        printf '%s\n' "$HOME/Library/Application Support/autoglm-lite"
    else
        printf '%s\n' "${XDG_DATA_HOME:-$HOME/.local/share}/autoglm-lite" "${XDG_STATE_HOME:-$HOME/.local/state}/autoglm-lite"
    fi
}

# Whether systemd starts the service from here.
has_service() {
    unit=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/autoglm-lite.service
    grep -qF "$program/" "$unit" 2>/dev/null
}

# One that runs has the files of the program that was just replaced, which are gone.
restart_service() {
    has_service || return 0
    systemctl --user try-restart "${unit##*/}" >>"$log" 2>&1 ||
        say "If the service runs, begin it anew: autoglm-lite service restart"
}

# Ends and removes the service that systemd would start from here.
uninstall_service() {
    has_service || return 0
    say "Removing the service"
    "$launcher" service uninstall >/dev/null || say "The service could not be removed: delete ${unit%.service}.*"
}

run_uninstall() {
    uninstall_service
    if [ -d "$program" ]; then
        say "Removing $program"
        take_lock
        # The lock goes last, so that nobody installs into what is being removed.
        find "$program" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf {} + || die "$program could not be removed."
        rm -rf "$program"
        locked=
    else
        say "Nothing is installed in $program"
    fi
    if grep -qF "$marker" "$launcher" 2>/dev/null; then
        rm -f "$launcher"
        say "Removed $launcher"
    fi
    rmdir "$share" 2>/dev/null
    kept=$(user_folders | while IFS= read -r folder; do [ ! -d "$folder" ] || printf '%s\n' "$folder"; done)
    [ -n "$kept" ] || return 0
    if [ "$purge" = no ] && [ -t 4 ] && [ "$assume_yes" = no ]; then
        say "Models, conversations and logs are in:"
        printf '%s\n' "$kept" | sed 's/^/    /' >&2
        printf 'Delete them too? [y/N] ' >&2
        read -r answer <&4
        case $answer in [yY] | [yY][eE][sS]) purge=yes ;; esac
    fi
    printf '%s\n' "$kept" | while IFS= read -r folder; do
        if [ "$purge" = yes ]; then
            rm -rf "$folder" && say "Removed $folder"
        else
            say "Kept $folder (models, conversations, logs)"
        fi
    done
}

main() {
    assume_yes=no purge=no command=install
    job='' ticker='' temporary='' locked='' built='' log=/dev/null uv_cache='' mirror='' caller_tmpdir=${TMPDIR:-}
    PREFIX=${PREFIX:-}
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --yes | -y) assume_yes=yes ;;
            --purge) purge=yes ;;
            --prefix)
                [ $# -ge 2 ] || { say "install.sh: --prefix needs a folder" && exit 2; }
                PREFIX=$2
                shift
                ;;
            --prefix=*) PREFIX=${1#--prefix=} ;;
            chat | test)
                command=$1
                shift
                break
                ;;
            install | uninstall) command=$1 ;;
            *)
                say "install.sh: $1 is not known here; ./install.sh --help shows what is."
                exit 2
                ;;
        esac
        shift
    done
    [ -n "${HOME:-}" ] || die "HOME is not set, so there is no place to install to."
    [ -n "$PREFIX" ] || PREFIX=$HOME/.local
    case $PREFIX in /*) ;; *) PREFIX=$PWD/$PREFIX ;; esac
    clone=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
    [ -e "$clone/requirements.lock" ] || die "It must lie in its clone: it installs what is beside it."
    share=$PREFIX/share/autoglm-lite
    program=$share/program
    launcher=$PREFIX/bin/autoglm-lite
    # The caller's stdout and stdin are put aside for the program that is run at the end.
    exec 3>&1 4<&0 1>&2 </dev/null
    trap clean_up EXIT
    trap 'interrupted 130' INT
    trap 'interrupted 143' TERM
    trap 'interrupted 129' HUP
    # What a shell happens to have set must not decide what is built: with SOURCE_DATE_EPOCH, llama.cpp's build leaves
    # out every instruction that makes it fast.
    unset SOURCE_DATE_EPOCH CMAKE_ARGS PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_REQUIRE_VIRTUALENV PIP_USER PIP_TARGET PIP_PREFIX
    case $command in
        install) run_install ;;
        chat) run_chat "$@" ;;
        test) run_test "$@" ;;
        uninstall) run_uninstall ;;
    esac
    # Nothing is read after this line: the file may have changed meanwhile.
    exit
}

main "$@"
