\builtin unalias '__NAME__' 2>/dev/null || \builtin true
function '__NAME__' {
    __cs_run '__FAMILY__' '__COMMAND__' "$@"
}
