#!/bin/sh
# Builds a C or C++ task in the workspace; a compile step of the runtimes c and cpp (conf/runtimes.cfg).
#
#   build.sh cases   LANGUAGE PROGRAM SUITE   every source but the suite -> ./assay_program
#   build.sh main    LANGUAGE PROGRAM SUITE   suite_main.c -> ./assay_main.o; reads nothing of the task
#   build.sh program LANGUAGE PROGRAM SUITE   the same sources as for cases -> ./libassay_program.a, main put aside
#   build.sh suite   LANGUAGE PROGRAM SUITE TEST_FILE...
#                                            suite + assay_main.o, which `main` just made + the archive -> ./assay_suite
#
# The program is an archive so that only what the suite needs is linked: a suite that includes the program's
# source has it already. When the suite itself is at fault, the output begins with SUITE_FAULT, which the
# stanza's suite_fault looks for at the beginning of a line.
set -u

step=$1 language=$2 suite=$4
shift 4
harness=${0%/*}
SUITE_FAULT="assay: the suite does not compile"

case $language in
c)
    source_kind=c
    compiler="/usr/bin/gcc -std=gnu17 -O2"
    extensions="c"
    ;;
cpp)
    source_kind=c++
    compiler="/usr/bin/g++ -std=gnu++20 -O2"
    extensions="cpp cc cxx"
    ;;
*)
    echo "build.sh: unknown language $language" >&2
    exit 64
    ;;
esac
# <assert.h> is the system's, also where the program brings a file of that name.
compile="$compiler -iquote . -idirafter ."
# What is compiled is what suite_is_twisted sees: the preprocessor within the compiler obeys a #pragma (target, optimize) that the other does not.
compile_suite="$compile -no-integrated-cpp"

# with_sources ACTION WORD...: the action with every source of the program as further words.
with_sources() {
    for extension in $extensions; do
        for source in ./*."$extension"; do
            if [ -f "$source" ] && [ "$source" != "./$suite" ]; then
                set -- "$@" "$source"
            fi
        done
    done
    "$@"
}

build_cases() {
    $compile -o assay_program "$@" -lm -pthread
}

# With nothing of the workspace in reach: what it makes serves other tasks too.
build_main() {
    $compiler -x "$source_kind" -c -o assay_main.o "$harness/suite_main.c"
}

build_program() {
    for source in "$@"; do
        # A main of the program must not meet the suite's.
        $compile -Dmain=assay_program_main -c -o "$source.assay.o" "$source" || return 1
        set -- "$@" "$source.assay.o"
        shift
    done
    /usr/bin/ar qc libassay_program.a "$@"
}

# Whose fault is it that the suite cannot be built? What the compiler says of suite and program together is the program's to
# shape (#line, macros, asm names), so the suite is asked alone: in a folder where every file that it may include is empty.
alone=assay_alone

# prepare_alone FILE...: these are not empty. False: it cannot be asked.
prepare_alone() {
    rm -rf "$alone"
    mkdir "$alone" || return 1
    # shellcheck disable=SC2016
    find . -path "./$alone" -prune -o -type d -exec sh -c 'cd "$0" && mkdir -p "$@"' "$alone" {} + &&
        find . -path "./$alone" -prune -o -type f -exec sh -c 'for file; do : >"$0/$file" || exit; done' "$alone" {} + || return 1
    for file in "$@"; do
        set -- "$@" "./$file"
        shift
    done
    cp --parents "./$suite" "$@" "$alone"
}

compile_alone() {
    (cd "$alone" && $compile_suite -c -o alone.o "$suite" >errors.txt 2>&1)
}

first_error() {
    grep -m 1 -E '(^|: )(fatal )?error: ' "$1"
}

# Nothing of the workspace is included: the suite compiles, or not, whatever the program is.
needs_no_file() {
    (cd "$alone" && $compile -M -MT x "$suite" 2>/dev/null) >"$alone/needs.txt" || return 1
    ! sed 's/^x://; s/\\$//' "$alone/needs.txt" | tr ' ' '\n' | grep -v -e '^/usr/' -e '^$' | grep -vqxF "$suite"
}

# A mistake of syntax that no header could mend: on its line and the one before stands no name with a parenthesis behind it,
# which might be a macro, but those that the language or the library has.
is_plain_mistake() {
    line=${1#"$suite":}
    line=${line%%:*}
    case $line in '' | *[!0-9]*) return 1 ;; esac
    ! sed -n "$((line > 1 ? line - 1 : 1)),${line}p" "./$suite" | grep -oE '[A-Za-z_][A-Za-z0-9_]*[[:space:]]*\(' |
        grep -vqE '^(if|while|for|switch|return|sizeof|main|assert|exit|abort|printf|puts|strcmp|strlen|memcmp)[[:space:]]*\('
}

suite_does_not_compile_alone() {
    prepare_alone && ! compile_alone || return 1
    said=$(first_error "$alone/errors.txt")
    case $said in
    "$suite":*"fatal error: "*": No such file or directory")
        header=${said#*fatal error: }
        grep -qF "<${header%%:*}>" "./$suite"
        return
        ;;
    esac
    needs_no_file && return 0
    # The same place with the program: not a type or macro that the program did provide.
    together=$(first_error assay_output.txt)
    [ "${said%%error:*}" = "${together%%error:*}" ] || return 1
    case $said in
    "$suite":*"error: missing terminating "* | "$suite":*"error: stray "* | "$suite":*"error: unterminated "*) return 0 ;;
    "$suite":*"error: expected "* | "$suite":*"error: invalid suffix "*) is_plain_mistake "$said" ;;
    *) return 1 ;;
    esac
}

# The object that the suite alone makes has no main, and no line that may be a macro that makes one; where it makes none, its
# text does not name it.
suite_has_no_main() {
    prepare_alone || return 1
    if compile_alone; then
        ! nm "$alone/alone.o" | grep -q ' T main$' &&
            { needs_no_file || ! grep -qE '^[A-Za-z_][A-Za-z0-9_]*[[:space:]]*(\(|$)' "./$suite"; }
    else
        ! grep -qw main "./$suite"
    fi
}

# Runs a command; its output goes to standard error, behind SUITE_FAULT where `$1` says that the suite is at fault.
run_for_suite() {
    suite_is_at_fault=$1
    shift
    "$@" >assay_output.txt 2>&1 && return 0
    if $suite_is_at_fault; then
        echo "$SUITE_FAULT" >&2
    fi
    # A #pragma message may hold line breaks: what the compiler says must not look like our own line.
    sed 's/^assay:/ &/' assay_output.txt >&2
    return 1
}

# The words by which a suite judges mean what they mean: no file of the program that the suite includes turns `assert`,
# `if` or `return` into something else. What the suite and its test files define by themselves, or with headers of the system, is theirs.
words="__assert[a-z_]*|__ASSERT[A-Z_]*|__extension__|__builtin_[a-z_]*|str(n|case|ncase)?cmp|memcmp|fabs[fl]?|assert|main|exit|abort|_exit|return|if|else|for|while|do|switch|case|goto|break|int|char|void|static|const|true|false"

macros() {
    $compile -E -dM "$@" 2>/dev/null
}

# A macro that changes others where it is used.
changes_others='_Pragma[[:space:]]*(\([^"]|[^[:space:](]|$)|(push|pop)_macro'

# `$1`: definitions that the suite has without the program.
changed_words() {
    macros "$suite" | grep -vxFf "$1" | grep -E "^#define ($words)([ (]|\$)|$changes_others" | sed 's/^#define \([A-Za-z_0-9]*\).*/\1/'
}

# True as well where that cannot be seen: the program may have left no room for it.
suite_is_twisted() {
    printf '#include <%s>\n' assert.h stdbool.h tgmath.h >assay_plain.h
    # Alone the suite may lack something, which is no matter here.
    if ! prepare_alone "$@" || ! (macros -x "$source_kind" assay_plain.h && cd "$alone" && { macros "$suite" || true; }) >assay_own.txt; then
        echo "$suite: no room in the workspace to see what the files of the program make of it: fewer or smaller files, or a larger disk_mb" >&2
        return 0
    fi
    for define in $(changed_words assay_own.txt); do
        if ! grep -Eq "^[[:space:]]*#[[:space:]]*define[[:space:]]+$define([[:space:](]|\$)" "./$suite"; then
            echo "$suite: a file of the program changes the meaning of \`$define'" >&2
            return 0
        fi
    done
    return 1
}

# build_suite TEST_FILE...
build_suite() {
    if [ -n "$(find . -name '*.h*' -print -quit)" ] || grep -q '#[[:space:]]*include[[:space:]]*"' "./$suite"; then
        ! suite_is_twisted "$@" || return 1
    fi
    # shellcheck disable=SC2086
    run_for_suite suite_does_not_compile_alone $compile_suite -c -o assay_suite.o "$suite" || return 1
    # shellcheck disable=SC2086
    run_for_suite suite_has_no_main $compile -o assay_suite assay_main.o assay_suite.o libassay_program.a \
        -Wl,--wrap=main,--wrap=exit -lm -pthread
}

case $step in
cases) with_sources build_cases ;;
main) build_main ;;
program) with_sources build_program ;;
suite) build_suite "$@" ;;
*)
    echo "build.sh: unknown step $step" >&2
    exit 64
    ;;
esac
