#!/bin/sh
# Builds a C or C++ task in the workspace; a compile step of the runtimes c and cpp (conf/runtimes.cfg).
#
#   build.sh cases   LANGUAGE PROGRAM SUITE   every source but the suite -> ./assay_program
#   build.sh program LANGUAGE PROGRAM SUITE   the same sources -> ./libassay_program.a, main put aside
#   build.sh suite   LANGUAGE PROGRAM SUITE   suite + suite_main.c + the archive -> ./assay_suite
#
# The program is an archive so that only what the suite needs is linked: a suite that includes the program's
# source has it already. When the suite itself is at fault, the output begins with SUITE_FAULT, which the
# stanza's suite_fault looks for at the beginning of a line.
set -u

step=$1 language=$2 suite=$4
harness=$(dirname "$0")
SUITE_FAULT="assay: the suite does not compile"

# <assert.h> is the system's, also where the program brings a file of that name.
include="-iquote . -idirafter ."

case $language in
c)
    compile="/usr/bin/gcc -std=gnu17 -O2 $include"
    extensions="c"
    ;;
cpp)
    compile="/usr/bin/g++ -std=gnu++20 -O2 $include"
    extensions="cpp cc cxx"
    ;;
*)
    echo "build.sh: unknown language $language" >&2
    exit 64
    ;;
esac

for_each_source() {
    action=$1
    for extension in $extensions; do
        for source in ./*."$extension"; do
            if [ -f "$source" ] && [ "$source" != "./$suite" ]; then
                $action "$source" || return 1
            fi
        done
    done
}

compile_source() {
    # A main of the program must not meet the suite's.
    $compile -Dmain=assay_program_main -c -o "$1.assay.o" "$1" && /usr/bin/ar qc libassay_program.a "$1.assay.o"
}

build_cases() {
    set --
    for extension in $extensions; do
        for source in ./*."$extension"; do
            if [ -f "$source" ] && [ "$source" != "./$suite" ]; then
                set -- "$@" "$source"
            fi
        done
    done
    $compile -o assay_program "$@" -lm -pthread
}

# The first error tells: one of syntax in the suite's own text, or a system header that is not there.
suite_is_at_fault() {
    first=$(grep -m 1 -E 'error:|undefined reference' "$1")
    case $first in
    "$suite":*"error: expected "* | "$suite":*"error: stray "* | "$suite":*"error: missing terminating "* | \
        "$suite":*"error: unterminated "* | "$suite":*"error: invalid suffix "* | "$suite":*"error: #"*)
        return 0
        ;;
    "$suite":*"fatal error: "*": No such file or directory")
        header=${first#*fatal error: }
        grep -q "^[[:space:]]*#[[:space:]]*include[[:space:]]*<${header%%:*}>" "./$suite"
        return
        ;;
    *"undefined reference to \`main'")
        return 0
        ;;
    esac
    return 1
}

# Runs a command; its output goes to standard error, behind SUITE_FAULT where that holds.
run_for_suite() {
    "$@" >assay_output.txt 2>&1 && return 0
    if suite_is_at_fault assay_output.txt; then
        echo "$SUITE_FAULT" >&2
    fi
    # A #pragma message may hold line breaks: what the compiler says must not look like our own line.
    sed 's/^assay:/ &/' assay_output.txt >&2
    return 1
}

# The words by which a suite judges mean what they mean: no file of the program that the suite includes turns `assert`,
# `if` or `return` into something else. What the suite's own text defines is its own.
words="assert|main|exit|abort|_exit|return|if|else|for|while|do|switch|case|goto|break|int|char|void|static|const|true|false"

meaning() {
    # shellcheck disable=SC2086
    $compile -E -dM "$@" 2>/dev/null | grep -E "^#define ($words)([ (]|\$)" | sort -u
}

suite_is_twisted() {
    case $language in c) plain=c ;; *) plain=c++ ;; esac
    printf '#include <assert.h>\n#include <stdbool.h>\n' >assay_plain.h
    meaning -x $plain assay_plain.h >assay_plain.txt
    for define in $(meaning "$suite" | grep -vxFf assay_plain.txt | sed 's/^#define \([A-Za-z_]*\).*/\1/'); do
        if ! grep -Eq "^[[:space:]]*#[[:space:]]*define[[:space:]]+$define([[:space:](]|\$)" "./$suite"; then
            echo "$suite: a file of the program changes the meaning of \`$define'" >&2
            return 0
        fi
    done
    return 1
}

build_suite() {
    if [ -n "$(find . -name '*.h*' -print -quit)" ] || grep -q '#[[:space:]]*include[[:space:]]*"' "./$suite"; then
        ! suite_is_twisted || return 1
    fi
    # shellcheck disable=SC2086
    run_for_suite $compile -c -o assay_suite.o "$suite" || return 1
    if [ "$language" = cpp ]; then
        $compile -x c++ -c -o assay_main.o "$harness/suite_main.c" || return 70
    else
        $compile -c -o assay_main.o "$harness/suite_main.c" || return 70
    fi
    # shellcheck disable=SC2086
    run_for_suite $compile -o assay_suite assay_main.o assay_suite.o libassay_program.a \
        -Wl,--wrap=main,--wrap=exit -lm -pthread
}

case $step in
cases) build_cases ;;
program) /usr/bin/ar qc libassay_program.a && for_each_source compile_source ;;
suite) build_suite ;;
*)
    echo "build.sh: unknown step $step" >&2
    exit 64
    ;;
esac
