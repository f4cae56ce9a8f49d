# Sourced by scripts that are to say what their time was spent on: `phase WHAT COMMAND…` runs a command, and when the
# script that began ends, it tells of each phase, those of the scripts that it called included.  `beside WHAT COMMAND…`
# is a phase that goes on while the script does, one at a time, until `joined`, or the end of the script, which ends it.
# A folder that the script names in `scratch` is removed then.

if [ -z "${TIERCACHE_PHASES:-}" ]; then
    TIERCACHE_PHASES="$(mktemp)"
    export TIERCACHE_PHASES
    tells_phases=yes
    began_all="$(date +%s)"
fi
beside_id=""
beside_said=""
scratch=""
trap end_phases EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

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

# What the command says is kept until `joined`.
beside() {
    beside_said="$(mktemp)"
    (
        trap - EXIT INT
        what="$1"
        shift
        "$@" &
        command="$!"
        trap 'kill "$command"' TERM
        phase "$what" wait "$command"
    ) > "$beside_said" 2>&1 &
    beside_id="$!"
}

# Waits for what runs beside, and shows what it said.  The exit status is its command's.
joined() {
    status=0
    wait "$beside_id" || status=$?
    beside_id=""
    cat "$beside_said"
    rm -f "$beside_said"
    return "$status"
}

end_phases() {
    if [ -n "$beside_id" ]; then
        kill "$beside_id" || true
        joined || true
    fi
    [ -z "$scratch" ] || rm -rf "$scratch"
    [ -n "${tells_phases:-}" ] || return 0
    printf 'The time was spent on:\n'
    cat "$TIERCACHE_PHASES"
    printf '%5d s  in all\n' "$(($(date +%s) - began_all))"
    rm -f "$TIERCACHE_PHASES"
}
