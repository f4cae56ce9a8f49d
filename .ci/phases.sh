# Sourced by scripts that are to say what their time was spent on: `phase WHAT COMMAND…` runs a command, and when the
# script that began ends, it tells of each phase, those of the scripts that it called included.

if [ -z "${TIERCACHE_PHASES:-}" ]; then
    TIERCACHE_PHASES="$(mktemp)"
    export TIERCACHE_PHASES
    began_all="$(date +%s)"
    trap tell_phases EXIT
fi

# The exit status is the command's.
phase() {
    what="$1"
    shift
    began="$(date +%s)"
    status=0
    "$@" || status=$?
    ended=""
    [ "$status" = 0 ] || ended=" (status $status)"
    printf '%5d s  %s%s\n' "$(($(date +%s) - began))" "$what" "$ended" >> "$TIERCACHE_PHASES"
    return "$status"
}

tell_phases() {
    printf 'The time was spent on:\n'
    cat "$TIERCACHE_PHASES"
    printf '%5d s  in all\n' "$(($(date +%s) - began_all))"
    rm -f "$TIERCACHE_PHASES"
}
