\builtin unalias '__NAME__' 2>/dev/null || \builtin true
if ! [[ -o posix && '__NAME__' == *-* ]]; then
    function __NAME__ {
        __cs_run __FAMILY__ __COMMAND__ "$@"
    }
fi
