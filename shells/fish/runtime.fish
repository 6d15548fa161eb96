# The functions of cs for fish 3.1 and newer, as `cs init fish` prints them.

# FAMILY is what people call it by. Its status is that of cs.
function __cs_call --description 'Run cs: __cs_call FAMILY WORDS…'
    # In the function and not global: nothing the shell does later can change or lose it.
    set -l __cs_program '{__CS_PROGRAM__}'
    # For this call only: who is calling, and what this shell remembers.
    CS_SHELL="fish:1:$fish_pid:$argv[1]" CS_MEMORY="$__cs_memory" command $__cs_program $argv[2..-1]
end

function __cs_run --description 'What the function that people call does'
    switch "$argv[2]"
        case use off cd
            __cs_change $argv
        case bind allow deny
            __cs_call $argv
            or return
            # What is bound here may be another thing now.
            functions -q __cs_hook
            and __cs_hook
            or true
        case '*'
            __cs_call $argv
    end
end

function __cs_change --description 'Run cs and then the code that it prints, in this shell'
    set -l __cs_code (__cs_call $argv | string collect)
    # The status of a substitution is that of its last part.
    set -l __cs_status $pipestatus[1]
    test $__cs_status -eq 0
    or return $__cs_status
    switch "$__cs_code"
        case '#cs:1*'
            builtin echo $__cs_code | source
        case ''
            true
        case '*'
            # Help, or what is said where there is nothing to change.
            builtin printf '%s\n' $__cs_code
    end
end

function __cs_say --description 'Say what was done'
    builtin printf 'cs: %s\n' $argv[1] >&2
end

# What `cd -`, `prevd` and `cdh` look at is kept as fish's own cd does; yours may do something else.
function __cs_cd --description 'Change the directory'
    set -l __cs_before $PWD
    builtin cd $argv
    or return
    if test "$PWD" != "$__cs_before"
        set -q dirprev[25]
        and set -e dirprev[1]
        set -U -q dirprev
        and set -U -a dirprev $__cs_before
        or set -g -a dirprev $__cs_before
        set -e dirnext
        set -U -q __fish_cd_direction
        and set -U __fish_cd_direction prev
        or set -g __fish_cd_direction prev
    end
    # `set` leaves the status as it was.
    return 0
end

function __cs_bound --description 'Whether a binding could hold in this directory; starts no process'
    # With its links resolved: that is how directories are bound.
    set -l __cs_here (builtin pwd -P 2>/dev/null)
    or return
    set -l __cs_root $HOME/.local/share/cs
    test -n "$XDG_DATA_HOME"
    and set __cs_root $XDG_DATA_HOME/cs
    test -n "$CS_HOME"
    and set __cs_root $CS_HOME
    set -l __cs_remote
    if test -s $__cs_root/bindings.paths -a -r $__cs_root/bindings.paths
        while read -l __cs_line
            if test "$__cs_line" = '*'
                set __cs_remote 1
                continue
            end
            set -l __cs_line (string trim --right --chars=/ -- $__cs_line)
            if test (string sub --length (string length -- "$__cs_line/") -- "$__cs_here/") = "$__cs_line/"
                return 0
            end
        end <$__cs_root/bindings.paths
    end
    while true
        set -l __cs_slash (string trim --right --chars=/ -- $__cs_here)
        test -e $__cs_slash/.cs.toml
        and return 0
        set -q __cs_remote[1]
        and test -e $__cs_slash/.git
        and return 0
        test -n "$__cs_slash"
        or return 1
        set __cs_here (string replace --regex '/[^/]*$' '' -- $__cs_slash)/
    end
end
